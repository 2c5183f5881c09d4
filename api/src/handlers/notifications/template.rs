use crate::json_body::{Members, Problems};
use serde_json::value::RawValue;
use tidings_domain::content::TemplateRef;
use tidings_domain::notification::Channel;

const FIELDS: [&str; 2] = ["name", "locale"];

/// The longest name of a template, in characters.
const MAX_NAME: usize = 100;

/// The longest name of a language, in characters: what RFC 5646 §4.4.1 asks programs to have room for.
const MAX_LOCALE: usize = 35;

/// Whether notifications of this channel can be written by a template: people read them.
pub const fn is_for(channel: Channel) -> bool {
    matches!(channel, Channel::Email | Channel::Sms | Channel::Push)
}

/// Reads the field `template`; notes what is wrong with it.
pub fn read(value: &RawValue, problems: &mut Problems) -> Option<TemplateRef> {
    let Ok(members) = serde_json::from_str::<Members<'_>>(value.get()) else {
        problems.invalid(
            "template",
            "must be an object with name and, if need be, locale",
        );
        return None;
    };
    problems.check_names(&members, &FIELDS, "template.", "template");
    let name = members.get("name");
    if name.is_none() {
        problems.missing("template.name");
    }
    let name = name.and_then(|value| {
        let read = text(value, MAX_NAME, |byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte)
        });
        let wrong = || format!("must be 1 to {MAX_NAME} of a to z, 0 to 9, '-', '_' and '.'");
        problems.keep("template.name", read.ok_or_else(wrong))
    });
    let locale = members.get("locale").filter(|value| value.get() != "null");
    let locale = locale.and_then(|value| {
        let read = text(value, MAX_LOCALE, |byte| {
            byte.is_ascii_alphanumeric() || byte == b'-'
        });
        let wrong = || "must be a language, such as de or de-AT".to_owned();
        problems.keep("template.locale", read.ok_or_else(wrong))
    });
    Some(TemplateRef {
        name: name?,
        locale,
    })
}

/// A text of 1 to `max` of the bytes allowed.
fn text(value: &RawValue, max: usize, allowed: impl Fn(u8) -> bool) -> Option<String> {
    let text: String = serde_json::from_str(value.get()).ok()?;
    ((1..=max).contains(&text.len()) && text.bytes().all(allowed)).then_some(text)
}
