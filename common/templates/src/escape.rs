//! HTML escaping.

use minijinja::{AutoEscape, Error, ErrorKind, Output, State, Value, escape_formatter};

/// Writes a value, escaped if it goes into HTML. Replaces the engine's escaping, which also escapes `/`: some mail
/// programs do not decode the character reference in a link, and the link is dead.
pub(super) fn write(out: &mut Output<'_>, state: &mut State, value: &Value) -> Result<(), Error> {
    if !matches!(state.auto_escape(), AutoEscape::Html) || value.is_safe() {
        return escape_formatter(out, state, value);
    }
    let escaped = value
        .as_str()
        .map_or_else(|| html(&value.to_string()), html);
    out.write_str(&escaped)
        .map_err(|_| ErrorKind::WriteFailure.into())
}

/// The filter `escape`: escapes HTML in every part.
pub(super) fn filter(value: &Value) -> Value {
    if value.is_safe() {
        return value.clone();
    }
    let escaped = value
        .as_str()
        .map_or_else(|| html(&value.to_string()), html);
    Value::from_safe_string(escaped)
}

/// Escapes the characters that have a meaning in the text of an element and in a quoted attribute (HTML, §13.1.2.3 and
/// §13.1.4).
fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#x27;"),
            other => escaped.push(other),
        }
    }
    escaped
}
