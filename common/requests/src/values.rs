//! Parsers for the values of fields. An error says what would be right.

use std::fmt::Display;
use std::str::FromStr;

use serde_json::value::RawValue;
use tidings_domain::content::{Json, Object, WebhookUrl};
use tidings_egress::EgressPolicy;

/// Reads a string and parses it as `T`.
///
/// # Errors
///
/// Says what a valid text would be.
pub fn parsed<T: FromStr<Err: Display>>(value: &RawValue) -> Result<T, String> {
    let text = string(value)?;
    text.parse().map_err(|error: T::Err| error.to_string())
}

/// Reads a UUID in the form with hyphens.
///
/// # Errors
///
/// Says that the value is not a UUID.
pub fn uuid<T: From<uuid::Uuid>>(value: &RawValue) -> Result<T, String> {
    let text = string(value).ok().filter(|text| text.len() == 36);
    let uuid = text.and_then(|text| uuid::Uuid::try_parse(&text).ok());
    uuid.map(T::from)
        .ok_or_else(|| "must be a UUID, such as 9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a".to_owned())
}

/// Reads a single line of at most `max` characters.
pub fn line(max: usize) -> impl FnOnce(&RawValue) -> Result<String, String> {
    move |value| check_line(string(value)?, max)
}

/// Returns a text if it is a single line of at most `max` characters.
///
/// # Errors
///
/// Says what a text must be.
pub fn check_line(text: String, max: usize) -> Result<String, String> {
    if text.chars().count() > max || text.chars().any(char::is_control) {
        return Err(format!(
            "must have at most {max} characters and no control characters"
        ));
    }
    Ok(text)
}

/// Reads `true` or `false`.
///
/// # Errors
///
/// Says that the value is neither.
pub fn boolean(value: &RawValue) -> Result<bool, String> {
    serde_json::from_str(value.get()).map_err(|_| "must be true or false".to_owned())
}

/// Reads a URL to which `policy` allows webhooks.
pub fn webhook_url(policy: &EgressPolicy) -> impl FnOnce(&RawValue) -> Result<WebhookUrl, String> {
    |value| {
        let url = parsed(value)?;
        policy.check(&url).map_err(|refusal| refusal.to_string())?;
        Ok(url)
    }
}

/// Reads a string that is not blank.
///
/// # Errors
///
/// Says that the value is not a string, or is blank.
pub fn nonblank(value: &RawValue) -> Result<String, String> {
    let text = string(value)?;
    if text.trim().is_empty() {
        return Err("must not be empty".to_owned());
    }
    Ok(text)
}

/// Reads an object.
///
/// # Errors
///
/// Says that the value is not an object.
pub fn object(value: &RawValue) -> Result<Object, String> {
    Json::object(value.get()).map_err(|_| "must be an object".to_owned())
}

/// Reads a string.
///
/// # Errors
///
/// Says that the value is not a string.
pub fn string(value: &RawValue) -> Result<String, String> {
    serde_json::from_str(value.get()).map_err(|_| "must be a string".to_owned())
}
