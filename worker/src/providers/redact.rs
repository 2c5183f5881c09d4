use reqwest::StatusCode;

use super::truncate;

/// Replaces redacted text.
pub(super) const REDACTED: &str = "***";

/// The error text of a response: the status and the provider's text (`400 Bad Request: …`), with `secrets`
/// redacted.
pub(super) fn error_text(status: StatusCode, text: &str, secrets: &[&str]) -> String {
    let text = redact(text, secrets);
    if text.trim().is_empty() {
        truncate(&status.to_string())
    } else {
        truncate(&format!("{status}: {text}"))
    }
}

/// Redacts `secrets` in a provider's text, ignoring ASCII case. A secret that contains another must come
/// first.
///
/// Providers often quote the address that they refuse. The address is in the row; it must not appear in
/// `delivery_attempts`, which other people may read, or in the headers of a dead letter.
pub(super) fn redact(text: &str, secrets: &[&str]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = replace(&text, secret);
    }
    text
}

fn replace(text: &str, secret: &str) -> String {
    // Does not move any byte.
    let lower = text.to_ascii_lowercase();
    let mut redacted = String::new();
    let mut end = 0;
    for (start, found) in lower.match_indices(&secret.to_ascii_lowercase()) {
        redacted += &text[end..start];
        redacted += REDACTED;
        end = start + found.len();
    }
    redacted + &text[end..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_redacted_before_the_text_is_truncated() {
        let long = format!("{} +12345678", "x".repeat(470));
        for text in ["to +12345678 and 12345678", &long] {
            let error = error_text(
                StatusCode::BAD_REQUEST,
                text,
                &["+12345678", "12345678", ""],
            );
            assert!(error.starts_with("400 Bad Request: "), "{error}");
            assert!(!error.contains("1234"), "{error}");
        }
    }

    #[test]
    fn secrets_are_redacted_in_any_case() {
        let text = "Ünknown <anna@EXAMPLE.org>, ANNA@example.org!";
        let redacted = redact(text, &["Anna@example.org"]);
        assert_eq!(redacted, "Ünknown <***>, ***!");
    }

    #[test]
    fn without_a_text_the_error_is_the_status() {
        assert_eq!(
            error_text(StatusCode::BAD_GATEWAY, " ", &[]),
            "502 Bad Gateway"
        );
    }
}
