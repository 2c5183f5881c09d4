use super::PhoneNumber;
use super::fields::Fields;

/// The longest text, in characters: what the largest provider takes (Twilio, `Body`).
const MAX_TEXT: usize = 1600;

pub(super) const TO: [&str; 2] = ["to", "phoneNumber"];

/// A text message: `{to?, text}`. `phoneNumber` is taken for `to` and `message` for `text`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sms {
    /// Where it goes; the user's own number where it is not given.
    pub to: Option<PhoneNumber>,
    /// Not empty.
    pub text: String,
}

impl Sms {
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let to = fields.parsed(&TO);
        let text = fields.required_text(&["text", "message"])?;
        if text.chars().count() > MAX_TEXT {
            fields.invalid("text", format!("must have at most {MAX_TEXT} characters"));
        }
        Some(Self { to, text })
    }
}
