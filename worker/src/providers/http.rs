//! What the providers that speak HTTP have in common.

use std::error::Error;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, Response, redirect};

use super::{Report, clipped};

/// The most that is read of a provider's answer, in bytes. An answer that is longer is cut, not refused:
/// its status has said what came of the message.
const MAX_ANSWER: usize = 64 * 1024;

/// A client that follows no redirects and no proxies, and waits for no longer than `timeout`.
///
/// Connecting may take most of that and not all: of two limits that run out together the whole request's would
/// win, and nobody could tell that nothing was written.
pub(super) fn client(timeout: Duration) -> ClientBuilder {
    Client::builder()
        .connect_timeout(timeout.mul_f32(0.8))
        .timeout(timeout)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("Tidings/", env!("CARGO_PKG_VERSION")))
}

/// What follows from a request that got no answer: it failed where the connection was never made, and
/// nobody can know otherwise.
pub(super) fn no_answer(error: reqwest::Error) -> Report {
    let connecting = error.is_connect() || error.is_builder();
    // The URL may hold what is nobody's business.
    let error = causes(&error.without_url());
    if connecting {
        Report::Failed { error }
    } else {
        Report::Unknown { error }
    }
}

/// An error and what caused it.
fn causes(error: &dyn Error) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        source = cause.source();
    }
    clipped(&said)
}

/// As much as is kept of an answer's body. What cannot be read is left out: the status has come.
pub(super) async fn body(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = MAX_ANSWER - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == MAX_ANSWER {
            break;
        }
    }
    body
}

/// `Retry-After`, in seconds or as a date (RFC 9110 §10.2.3); `None` where there is none that can be
/// read.
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

    /// A port that takes no further connection and refuses none either: its queue is full, and what comes
    /// is left without an answer.
    fn deaf() -> (TcpListener, Vec<TcpStream>) {
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
    async fn a_connection_that_is_never_made_is_a_failure_and_not_unknown() {
        let (listener, _queue) = deaf();
        let url = format!("http://{}/secret", listener.local_addr().expect("bound"));
        let client = client(Duration::from_millis(500))
            .build()
            .expect("a client");
        let error = client.get(url).send().await.expect_err("no connection");
        match no_answer(error) {
            Report::Failed { error } => assert!(!error.contains("secret"), "{error}"),
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
