//! The HTTP client that several providers share.

use std::error::Error;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, Response, redirect};

use super::{SendOutcome, truncate};

/// Maximum number of bytes read of a response's body. A longer body is truncated, not refused, because the
/// status already decides the outcome.
const MAX_BODY: usize = 64 * 1024;

/// Maximum number of header fields of a response. hyper also limits the size of the head, to about 400 KiB.
const MAX_HEADERS: usize = 2000;

/// Longest pause that a response can ask for. The pause of a destination or provider is shorter.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(365 * 24);

/// A client that follows no redirects, uses no proxies and limits each request to `timeout`.
///
/// The connect timeout is shorter than `timeout`: if both expired together, the error would not tell that
/// nothing was written.
///
/// The status line of a response decides whether a message has arrived, so header fields that are malformed (RFC 9112
/// §5) are ignored: otherwise a message that was accepted would be sent again.
pub(super) fn client(timeout: Duration) -> ClientBuilder {
    Client::builder()
        .connect_timeout(timeout.mul_f32(0.8))
        .timeout(timeout)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .http1_max_headers(MAX_HEADERS)
        .http1_ignore_invalid_headers_in_responses(true)
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .user_agent(concat!("Tidings/", env!("CARGO_PKG_VERSION")))
}

/// The outcome of a request without a response: `Failed` if no connection was made, else `Unknown`.
pub(super) fn connection_outcome(error: reqwest::Error) -> SendOutcome {
    let connecting = error.is_connect() || error.is_builder();
    // The URL may contain an address or an account id.
    let error = error_chain(&error.without_url());
    if connecting {
        SendOutcome::Failed { error }
    } else {
        SendOutcome::Unknown { error }
    }
}

/// The error and its sources, as one text.
fn error_chain(error: &dyn Error) -> String {
    let mut chain = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !chain.contains(&text) {
            chain = format!("{chain}: {text}");
        }
        source = cause.source();
    }
    truncate(&chain)
}

/// Reads a response's body, up to `MAX_BODY`. Ignores errors, because the status has already arrived.
pub(super) async fn body(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let remaining = MAX_BODY - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(remaining)]);
        if body.len() == MAX_BODY {
            break;
        }
    }
    body
}

/// Parses `Retry-After` (RFC 9110 §10.2.3): seconds, or a date in any of the three forms of §5.6.7. Returns `None` if
/// the header is missing or invalid, zero for a date in the past, and at most a year.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = seconds(text).or_else(|| until_date(text, now))?;
    Some(wait.min(MAX_RETRY_AFTER))
}

/// Parses a number of seconds. A number that is too large for 64 bits means a very long time.
fn seconds(text: &str) -> Option<Duration> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().map_or(Duration::MAX, Duration::from_secs))
}

fn until_date(text: &str, now: Timestamp) -> Option<Duration> {
    let date = httpdate::parse_http_date(text).ok().or_else(|| {
        // Some servers send another time zone than GMT.
        let date = jiff::fmt::rfc2822::parse(text).ok()?;
        Some(date.timestamp().into())
    })?;
    Some(date.duration_since(now.into()).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpStream};

    use reqwest::header::HeaderValue;
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    /// A listener with a full backlog: new connections are neither accepted nor refused.
    fn unresponsive_listener() -> (TcpListener, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket
            .bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .expect("a port");
        let listener = socket.listen(1).expect("listening");
        let address = listener.local_addr().expect("bound");
        let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok();
        let queue = std::iter::from_fn(connect).collect();
        (listener, queue)
    }

    #[tokio::test]
    async fn a_connect_timeout_is_failed_and_not_unknown() {
        let (listener, _queue) = unresponsive_listener();
        let url = format!("http://{}/secret", listener.local_addr().expect("bound"));
        let client = client(Duration::from_millis(500))
            .build()
            .expect("a client");
        let error = client.get(url).send().await.expect_err("no connection");
        match connection_outcome(error) {
            SendOutcome::Failed { error } => assert!(!error.contains("secret"), "{error}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = "1994-11-06T08:49:37Z".parse().expect("a timestamp");
        let read = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(value));
            retry_after(&headers, now).map(|wait| wait.as_secs())
        };
        assert_eq!(read("120"), Some(120));
        assert_eq!(read("Sun, 06 Nov 1994 08:50:37 GMT"), Some(60));
        assert_eq!(read("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        assert_eq!(read("Sunday, 06-Nov-94 08:50:37 GMT"), Some(60));
        assert_eq!(read("Sun Nov  6 08:50:37 1994"), Some(60));
        assert_eq!(read("Sun, 06 Nov 1994 09:50:37 +0100"), Some(60));
        assert_eq!(read("0"), Some(0));
        let longest = Some(365 * 24 * 3600);
        assert_eq!(read("18446744073709551615"), longest);
        assert_eq!(read("99999999999999999999999999999999"), longest);
        assert_eq!(read("Fri, 31 Dec 9999 23:59:59 GMT"), longest);
        for invalid in [
            "",
            "-1",
            "+5",
            "1.5",
            "1e3",
            "Sunday, 06-Nov-94 25:00:00 GMT",
        ] {
            assert_eq!(read(invalid), None, "{invalid}");
        }
        assert_eq!(read("soon"), None);
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    /// RFC 9110 §5.6.7: the year of the two digits is at most 50 years in the future.
    #[test]
    fn a_year_of_two_digits_is_read() {
        let now = "2026-11-27T02:59:00Z".parse().expect("a timestamp");
        let mut headers = HeaderMap::new();
        let date = HeaderValue::from_static("Friday, 27-Nov-26 03:00:00 GMT");
        headers.insert(RETRY_AFTER, date);
        assert_eq!(retry_after(&headers, now), Some(Duration::from_mins(1)));
    }
}
