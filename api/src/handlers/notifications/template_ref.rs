use serde_json::value::RawValue;
use tidings_domain::content::TemplateRef;
use tidings_domain::notification::Channel;

use crate::json_body::{ObjectReader, values};

const FIELDS: [&str; 2] = ["name", "locale"];

/// The maximum length of a template's name, in characters.
const MAX_NAME: usize = 100;

/// The maximum length of a language tag, in characters (RFC 5646 §4.4.1).
const MAX_LOCALE: usize = 35;

/// Whether a template can render notifications of this channel: only those that people read.
pub const fn is_supported_by(channel: Channel) -> bool {
    matches!(channel, Channel::Email | Channel::Sms | Channel::Push)
}

/// Reads the field `template`, if it is present.
pub fn read(reader: &mut ObjectReader<'_>) -> Option<TemplateRef> {
    let expected = "must be an object with name and, if need be, locale";
    reader.optional_object("template", &FIELDS, expected, |reader| {
        let name = reader.required("name", read_name);
        let locale = reader.optional("locale", read_locale);
        Some(TemplateRef {
            name: name?,
            locale,
        })
    })
}

fn read_name(value: &RawValue) -> Result<String, String> {
    let is_allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    string_of(value, MAX_NAME, is_allowed)
        .ok_or_else(|| format!("must be 1 to {MAX_NAME} of a to z, 0 to 9, '-', '_' and '.'"))
}

fn read_locale(value: &RawValue) -> Result<String, String> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    string_of(value, MAX_LOCALE, is_allowed)
        .ok_or_else(|| "must be a language, such as de or de-AT".to_owned())
}

/// Reads a string of 1 to `max` allowed bytes.
fn string_of(value: &RawValue, max: usize, is_allowed: impl Fn(u8) -> bool) -> Option<String> {
    let text = values::string(value).ok()?;
    ((1..=max).contains(&text.len()) && text.bytes().all(is_allowed)).then_some(text)
}
