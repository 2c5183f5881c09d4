//! All details of a dead letter, as JSON and as text.

use serde_json::{Map, Value};
use tidings_broker::DeadLetter;

use super::summary::summary;
use crate::output::{Text, printable, printable_lines, table};

/// Bytes of a body that is not JSON that the text shows in hex.
const MAX_HEX_BYTES: usize = 64;

/// The details of a dead letter as JSON. `row` is its row in the table, or `null`. `hidden` says that the payload in the
/// body must not be shown.
pub fn details(dead_letter: &DeadLetter, row: Value, hidden: bool) -> Value {
    let mut details = summary(dead_letter);
    details["row"] = row;
    details["properties"] = dead_letter.properties_json().into();
    details["headers"] = dead_letter.headers_json().into();
    if let Ok(mut body) = serde_json::from_slice::<Value>(&dead_letter.body) {
        if hidden {
            hide_payload(&mut body);
        }
        details["body"] = body;
    } else {
        details["bodyText"] = String::from_utf8_lossy(&dead_letter.body).into();
        details["bodyHex"] = hex(&dead_letter.body).into();
    }
    details
}

/// Removes the payload of a notification, and the parts of an event `email.send`.
fn hide_payload(body: &mut Value) {
    for name in ["payload", "subject", "body"] {
        if let Some(value) = body.get_mut(name) {
            *value = Value::Null;
            body["payloadHidden"] = true.into();
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let nibble = |n: u8| char::from_digit(n.into(), 16);
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(nibble).collect()
}

/// The details as text.
pub fn text(details: &Value) -> String {
    let mut rows = Vec::new();
    for (label, field) in [
        ("Message id", "messageId"),
        ("Channel", "channel"),
        ("Reason", "reason"),
        ("Detail", "detail"),
        ("Attempts", "attempts"),
        ("Failed at", "failedAt"),
    ] {
        rows.push(vec![label.to_owned(), plain(&details[field])]);
    }
    rows.push(vec!["Row".to_owned(), row(&details["row"])]);
    let mut text = Text::from(table(&rows));
    for (label, field) in [("Properties", "properties"), ("Headers", "headers")] {
        text.line(label);
        let pairs = details[field].as_object().map_or_else(Vec::new, indented);
        text.lines(&table(&pairs));
    }
    text.line(format_args!("Body ({} bytes)", details["bytes"]));
    text.line(body(details));
    text.into()
}

fn indented(pairs: &Map<String, Value>) -> Vec<Vec<String>> {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| vec![format!("  {}", printable(name)), plain(value)])
        .collect()
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => printable(text),
        other => printable(&other.to_string()),
    }
}

fn row(row: &Value) -> String {
    match row {
        Value::Null => "not recorded".to_owned(),
        row if row.get("unknown").is_some() => plain(&row["unknown"]),
        row => format!(
            "{}, {} failed attempts, last error: {}",
            plain(&row["status"]),
            row["retriesAttempted"],
            plain(&row["errorMessage"])
        ),
    }
}

fn body(details: &Value) -> String {
    if let Some(body) = details.get("body") {
        return printable_lines(&format!("{body:#}"));
    }
    let text = details["bodyText"].as_str().unwrap_or_default();
    let hex = details["bodyHex"].as_str().unwrap_or_default();
    let start = &hex[..hex.len().min(2 * MAX_HEX_BYTES)];
    let more = if start.len() < hex.len() { "…" } else { "" };
    format!(
        "{}\nThe body is not JSON; in hex: {start}{more}",
        printable_lines(text)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_that_is_not_json_is_shown_as_text_and_in_hex() {
        let details = json!({"bodyText": "a\u{1b}b", "bodyHex": "611b62"});
        assert_eq!(
            body(&details),
            "a\\u{1b}b\nThe body is not JSON; in hex: 611b62"
        );
        let long = json!({"bodyText": "", "bodyHex": "00".repeat(100)});
        assert!(body(&long).ends_with("00…"));
    }

    #[test]
    fn every_byte_has_two_digits() {
        assert_eq!(hex(&[0x00, 0x0a, 0xff]), "000aff");
    }

    #[test]
    fn an_unknown_row_is_shown_with_the_reason() {
        assert_eq!(row(&Value::Null), "not recorded");
        assert_eq!(
            row(&json!({"unknown": "not queried: unavailable"})),
            "not queried: unavailable"
        );
        let failed = json!({"status": "failed", "retriesAttempted": 4, "errorMessage": "no"});
        assert_eq!(row(&failed), "failed, 4 failed attempts, last error: no");
    }
}
