use std::time::Duration;

use reqwest::StatusCode;

use crate::providers::{Report, clipped};

/// How much of an answer's body is kept, in characters: enough for a sentence that says what is wrong.
const KEPT: usize = 200;

/// What follows from a receiver's answer. `body` is the beginning of what it said; `retry_after` is its
/// `Retry-After`.
pub(super) fn report(status: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> Report {
    if status.is_success() {
        let reference = Some(status_line(status));
        return Report::Delivered { reference };
    }
    if status.is_redirection() {
        // Following would send the message to where nobody checked, and a POST as a GET at that.
        let error = format!("{}: redirects are not followed", status_line(status));
        return Report::Failed { error };
    }
    let error = words(status, body);
    match status {
        StatusCode::TOO_MANY_REQUESTS => Report::SlowDown { retry_after, error },
        StatusCode::SERVICE_UNAVAILABLE if retry_after.is_some() => {
            Report::SlowDown { retry_after, error }
        }
        StatusCode::GONE => Report::Gone { error },
        // 425 Too Early (RFC 8470) asks for the same request again, later.
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => Report::Failed { error },
        _ if status.is_client_error() => Report::Rejected { error },
        _ => Report::Failed { error },
    }
}

fn status_line(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

fn words(status: StatusCode, body: &[u8]) -> String {
    let said: String = String::from_utf8_lossy(body).chars().take(KEPT).collect();
    match clipped(&said) {
        said if said.is_empty() => status_line(status),
        said => format!("{}: {said}", status_line(status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kind of report that follows from a status, with and without `Retry-After`.
    fn kinds(status: u16) -> [&'static str; 2] {
        let status = StatusCode::from_u16(status).expect("a status");
        [None, Some(Duration::from_secs(7))].map(|after| match report(status, after, b"no") {
            Report::Delivered { .. } => "delivered",
            Report::Failed { .. } => "failed",
            Report::Unknown { .. } => "unknown",
            Report::Rejected { .. } => "rejected",
            Report::Gone { .. } => "gone",
            Report::SlowDown { retry_after, .. } => {
                assert_eq!(retry_after, after);
                "slow down"
            }
            Report::CredentialsRefused { .. } => "credentials",
        })
    }

    #[test]
    fn every_status_has_its_report() {
        for status in 100..1000 {
            let expected = match status {
                200..=299 => ["delivered"; 2],
                408 | 425 => ["failed"; 2],
                410 => ["gone"; 2],
                429 => ["slow down"; 2],
                400..=499 => ["rejected"; 2],
                503 => ["failed", "slow down"],
                _ => ["failed"; 2],
            };
            assert_eq!(kinds(status), expected, "{status}");
        }
    }

    #[test]
    fn the_words_are_the_status_and_the_beginning_of_the_body() {
        let error = |status, body: &[u8]| match report(status, None, body) {
            Report::Rejected { error } | Report::Failed { error } => error,
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
    fn a_delivery_refers_to_its_status_line() {
        let delivered = report(StatusCode::NO_CONTENT, None, b"");
        let reference = Some("204 No Content".to_owned());
        assert_eq!(delivered, Report::Delivered { reference });
    }
}
