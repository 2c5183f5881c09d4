//! A local HTTP server that stands in for a provider in tests.

use std::net::TcpListener;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tidings_domain::notification::MessageId;
use uuid::uuid;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::{BaseUrl, SendOutcome};

/// Timeout of a client whose response arrives.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// Timeout of a client whose response never arrives.
pub(super) const SHORT_TIMEOUT: Duration = Duration::from_millis(500);

/// The message id of every test.
pub(super) fn id() -> MessageId {
    uuid!("0192f3a4-5b6c-7d8e-9fa0-b1c2d3e4f506").into()
}

/// A server with the same response to every request.
pub(super) async fn server_with_response(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

/// A server that never responds.
pub(super) async fn unresponsive_server() -> MockServer {
    let never = Duration::from_hours(1);
    server_with_response(ResponseTemplate::new(200).set_delay(never)).await
}

/// A response with a JSON body.
pub(super) fn json_response(status: u16, body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

/// A base URL of a port without a listener.
pub(super) fn unreachable_url() -> BaseUrl {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    format!("http://{address}").parse().expect("a URL")
}

/// The base URL of `server`.
pub(super) fn base_url(server: &MockServer) -> BaseUrl {
    server.uri().parse().expect("a URL")
}

/// The only request that `server` received.
pub(super) async fn only_request(server: &MockServer) -> Request {
    let mut requests = server.received_requests().await.expect("recorded");
    assert_eq!(requests.len(), 1);
    requests.remove(0)
}

/// A header of a request; empty if missing.
pub(super) fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    let value = request.headers.get(name);
    value.map_or("", |value| value.to_str().expect("text"))
}

/// The name of an outcome, and its reference or error text.
pub(super) fn summary(outcome: &SendOutcome) -> (&'static str, &str) {
    match outcome {
        SendOutcome::Delivered { reference } => {
            ("delivered", reference.as_deref().unwrap_or("no reference"))
        }
        SendOutcome::Failed { error } => ("failed", error),
        SendOutcome::RefusedForNow { error } => ("refused for now", error),
        SendOutcome::Unknown { error } => ("unknown", error),
        SendOutcome::Rejected { error } => ("rejected", error),
        SendOutcome::NotSent { error } => ("not sent", error),
        SendOutcome::AddressGone { error } => ("gone", error),
        SendOutcome::OptedOut { error } => ("opted out", error),
        SendOutcome::Throttled { error, .. } => ("throttled", error),
        SendOutcome::CredentialsRefused { error } => ("credentials", error),
        SendOutcome::InstallationRefused { error, .. } => ("installation", error),
    }
}

/// The pause of a `Throttled` outcome, in seconds.
pub(super) fn retry_after_of(outcome: &SendOutcome) -> Option<u64> {
    match outcome {
        SendOutcome::Throttled { retry_after, .. } => retry_after.map(|wait| wait.as_secs()),
        other => panic!("{other:?}"),
    }
}

/// The time in `seconds` from now, in seconds since 1970.
pub(super) fn in_seconds(seconds: i64) -> String {
    (Timestamp::now().as_second() + seconds).to_string()
}
