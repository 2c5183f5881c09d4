use serde_json::{Map, Value};
use tidings_broker::DeadLetter;

use super::letter::summary;
use crate::output::{Text, printable, printable_lines, table};

/// How many bytes of a body that is no JSON are shown as numbers to people.
const HEX_SHOWN: usize = 64;

/// All there is to know of a letter; `row` is what the table knows, `null` where there is no row.
pub fn describe(letter: &DeadLetter, row: Value) -> Value {
    let mut shown = summary(letter);
    shown["row"] = row;
    shown["properties"] = letter.plain_properties().into();
    shown["headers"] = letter.plain_headers().into();
    if let Ok(body) = serde_json::from_slice::<Value>(&letter.body) {
        shown["body"] = body;
    } else {
        shown["bodyText"] = String::from_utf8_lossy(&letter.body).into();
        shown["bodyHex"] = hex(&letter.body).into();
    }
    shown
}

fn hex(bytes: &[u8]) -> String {
    let nibble = |n: u8| char::from_digit(n.into(), 16);
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(nibble).collect()
}

/// The same for people.
pub fn text(shown: &Value) -> String {
    let mut rows = Vec::new();
    for (label, field) in [
        ("Message id", "messageId"),
        ("Channel", "channel"),
        ("Reason", "reason"),
        ("Detail", "detail"),
        ("Attempts", "attempts"),
        ("Failed at", "failedAt"),
    ] {
        rows.push(vec![label.to_owned(), plain(&shown[field])]);
    }
    rows.push(vec!["Row".to_owned(), row(&shown["row"])]);
    let mut text = Text::from(table(&rows));
    for (label, field) in [("Properties", "properties"), ("Headers", "headers")] {
        text.line(label);
        let pairs = shown[field].as_object().map_or_else(Vec::new, indented);
        text.lines(&table(&pairs));
    }
    text.line(format_args!("Body ({} bytes)", shown["bytes"]));
    text.line(body(shown));
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

fn body(shown: &Value) -> String {
    if let Some(body) = shown.get("body") {
        return printable_lines(&format!("{body:#}"));
    }
    let text = shown["bodyText"].as_str().unwrap_or_default();
    let hex = shown["bodyHex"].as_str().unwrap_or_default();
    let start = &hex[..hex.len().min(2 * HEX_SHOWN)];
    let more = if start.len() < hex.len() { "…" } else { "" };
    format!(
        "{}\nIt is no JSON; in hex: {start}{more}",
        printable_lines(text)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_that_is_no_json_is_shown_as_text_and_as_numbers() {
        let shown = json!({"bodyText": "a\u{1b}b", "bodyHex": "611b62"});
        assert_eq!(body(&shown), "a\\u{1b}b\nIt is no JSON; in hex: 611b62");
        let long = json!({"bodyText": "", "bodyHex": "00".repeat(100)});
        assert!(body(&long).ends_with("00…"));
    }

    #[test]
    fn every_byte_has_two_digits() {
        assert_eq!(hex(&[0x00, 0x0a, 0xff]), "000aff");
    }

    #[test]
    fn what_is_not_known_of_the_row_is_said() {
        assert_eq!(row(&Value::Null), "not recorded");
        assert_eq!(
            row(&json!({"unknown": "not looked up: away"})),
            "not looked up: away"
        );
        let failed = json!({"status": "failed", "retriesAttempted": 4, "errorMessage": "no"});
        assert_eq!(row(&failed), "failed, 4 failed attempts, last error: no");
    }
}
