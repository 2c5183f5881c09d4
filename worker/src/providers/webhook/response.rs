use std::time::Duration;

use reqwest::StatusCode;

use crate::providers::{SendOutcome, truncate};

/// Stores the first characters of an error body.
const MAX_BODY_TEXT: usize = 200;

/// The outcome of a response. `body` is the start of its body, and `retry_after` its `Retry-After`.
pub(super) fn outcome(
    status: StatusCode,
    retry_after: Option<Duration>,
    body: &[u8],
) -> SendOutcome {
    if status.is_success() {
        let reference = Some(status_line(status));
        return SendOutcome::Delivered { reference };
    }
    if status.is_redirection() {
        // A redirect would send the message to an unchecked URL, and turn POST into GET.
        let error = format!("{}: redirects are not followed", status_line(status));
        return SendOutcome::Failed { error };
    }
    let error = error_text(status, body);
    match status {
        StatusCode::TOO_MANY_REQUESTS => SendOutcome::Throttled { retry_after, error },
        StatusCode::SERVICE_UNAVAILABLE if retry_after.is_some() => {
            SendOutcome::Throttled { retry_after, error }
        }
        StatusCode::GONE => SendOutcome::AddressGone { error },
        // 425 Too Early (RFC 8470) asks for the same request later.
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => SendOutcome::Failed { error },
        _ if status.is_client_error() => SendOutcome::Rejected { error },
        _ => SendOutcome::Failed { error },
    }
}

fn status_line(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

fn error_text(status: StatusCode, body: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(body)
        .chars()
        .take(MAX_BODY_TEXT)
        .collect();
    match truncate(&text) {
        text if text.is_empty() => status_line(status),
        text => format!("{}: {text}", status_line(status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The outcomes of a status, with and without `Retry-After`.
    fn kinds(status: u16) -> [&'static str; 2] {
        let status = StatusCode::from_u16(status).expect("a status");
        [None, Some(Duration::from_secs(7))].map(|after| match outcome(status, after, b"no") {
            SendOutcome::Delivered { .. } => "delivered",
            SendOutcome::Failed { .. } => "failed",
            SendOutcome::RefusedForNow { .. } => "refused for now",
            SendOutcome::Unknown { .. } => "unknown",
            SendOutcome::Rejected { .. } => "rejected",
            SendOutcome::NotSent { .. } => "not sent",
            SendOutcome::AddressGone { .. } => "gone",
            SendOutcome::OptedOut { .. } => "opted out",
            SendOutcome::Throttled { retry_after, .. } => {
                assert_eq!(retry_after, after);
                "throttled"
            }
            SendOutcome::CredentialsRefused { .. } => "credentials",
            SendOutcome::InstallationRefused { .. } => "installation",
        })
    }

    #[test]
    fn every_status_has_its_outcome() {
        for status in 100..1000 {
            let expected = match status {
                200..=299 => ["delivered"; 2],
                408 | 425 => ["failed"; 2],
                410 => ["gone"; 2],
                429 => ["throttled"; 2],
                400..=499 => ["rejected"; 2],
                503 => ["failed", "throttled"],
                _ => ["failed"; 2],
            };
            assert_eq!(kinds(status), expected, "{status}");
        }
    }

    #[test]
    fn the_error_is_the_status_and_the_start_of_the_body() {
        let error = |status, body: &[u8]| match outcome(status, None, body) {
            SendOutcome::Rejected { error } | SendOutcome::Failed { error } => error,
            other => panic!("{other:?}"),
        };
        let bad = StatusCode::BAD_REQUEST;
        assert_eq!(
            error(bad, b" no such order \r\n"),
            "400 Bad Request: no such order"
        );
        assert_eq!(error(bad, b""), "400 Bad Request");
        assert_eq!(
            error(bad, b"a\x1b[31m\xff"),
            "400 Bad Request: a [31m\u{fffd}"
        );
        let long = "ü".repeat(1000);
        let kept = format!("400 Bad Request: {}", "ü".repeat(200));
        assert_eq!(error(bad, long.as_bytes()), kept);
        let found = error(StatusCode::FOUND, b"<a href=\"http://10.0.0.1/\">");
        assert_eq!(found, "302 Found: redirects are not followed");
    }

    #[test]
    fn the_reference_of_a_delivery_is_its_status_line() {
        let delivered = outcome(StatusCode::NO_CONTENT, None, b"");
        let reference = Some("204 No Content".to_owned());
        assert_eq!(delivered, SendOutcome::Delivered { reference });
    }
}
