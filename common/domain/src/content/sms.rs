//! The content of text messages.

use super::PhoneNumber;
use super::fields::Fields;

/// The longest text, in characters: the limit of Twilio (`Body`).
const MAX_TEXT: usize = 1600;

pub(super) const TO: [&str; 2] = ["to", "phoneNumber"];

/// A text message: `{to?, text}`. `phoneNumber` is an alias of `to`, and `message` of `text`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sms {
    /// The recipient; by default the number of the user.
    pub to: Option<PhoneNumber>,
    /// The text, not empty.
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
