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

/// A client that follows no redirects, uses no proxies and limits each request to `timeout`.
///
/// The connect timeout is shorter than `timeout`: if both expired together, the error would not tell that
/// nothing was written.
pub(super) fn client(timeout: Duration) -> ClientBuilder {
    Client::builder()
        .connect_timeout(timeout.mul_f32(0.8))
        .timeout(timeout)
        .redirect(redirect::Policy::none())
        .no_proxy()
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

/// Parses `Retry-After`, in seconds or as a date (RFC 9110 §10.2.3). Returns `None` if the header is missing
/// or invalid.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO))
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
        assert_eq!(read("soon"), None);
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
