/// The number literals of a valid JSON text, in their order.
pub(crate) fn number_literals(json: &str) -> impl Iterator<Item = &str> {
    let mut rest = json;
    std::iter::from_fn(move || {
        loop {
            let start = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit())?;
            let token = &rest[start..];
            if let Some(text) = token.strip_prefix('"') {
                rest = after_string(text);
                continue;
            }
            let more = |c: char| !(c.is_ascii_digit() || "+-.eE".contains(c));
            let (number, behind) = token.split_at(token.find(more).unwrap_or(token.len()));
            rest = behind;
            return Some(number);
        }
    })
}

/// The rest after a string; `text` starts after the opening quote.
fn after_string(text: &str) -> &str {
    let mut escaped = false;
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return &text[place + 1..],
            _ => {}
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_outside_of_strings() {
        let json = r#"{"a-1": [1, -2.5e3, "3 \" 4"], "b": 0.5}"#;
        let found: Vec<_> = number_literals(json).collect();
        assert_eq!(found, ["1", "-2.5e3", "0.5"]);
    }
}
