//! A local server that answers as a provider's documentation says, for the tests of its client.

use std::net::TcpListener;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tidings_domain::notification::MessageId;
use uuid::uuid;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::{BaseUrl, Report};

/// How long a test's client waits for an answer that comes.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// How long a test's client waits for an answer that never comes.
pub(super) const SOON: Duration = Duration::from_millis(500);

/// The message id of every test.
pub(super) fn id() -> MessageId {
    uuid!("0192f3a4-5b6c-7d8e-9fa0-b1c2d3e4f506").into()
}

/// A server that gives every request the same answer.
pub(super) async fn answering(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

/// A server that takes requests and never answers.
pub(super) async fn silent() -> MockServer {
    let never = Duration::from_hours(1);
    answering(ResponseTemplate::new(200).set_delay(never)).await
}

/// An answer with a JSON body.
pub(super) fn json_answer(status: u16, body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

/// A base URL where nobody listens: the port was free a moment ago.
pub(super) fn nobody() -> BaseUrl {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    format!("http://{address}").parse().expect("a URL")
}

/// Where `server` is.
pub(super) fn base_url(server: &MockServer) -> BaseUrl {
    server.uri().parse().expect("a URL")
}

/// The one request that `server` has had.
pub(super) async fn only_request(server: &MockServer) -> Request {
    let mut requests = server.received_requests().await.expect("recorded");
    assert_eq!(requests.len(), 1);
    requests.remove(0)
}

/// A header of a request; empty where it has none.
pub(super) fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    let value = request.headers.get(name);
    value.map_or("", |value| value.to_str().expect("text"))
}

/// A report in short, as tables of tests name it: what it is, and its reference or its words.
pub(super) fn in_short(report: &Report) -> (&'static str, &str) {
    match report {
        Report::Delivered { reference } => {
            ("delivered", reference.as_deref().unwrap_or("no reference"))
        }
        Report::Failed { error } => ("failed", error),
        Report::NotNow { error } => ("not now", error),
        Report::Unknown { error } => ("unknown", error),
        Report::Rejected { error } => ("rejected", error),
        Report::Gone { error } => ("gone", error),
        Report::SlowDown { error, .. } => ("slow down", error),
        Report::CredentialsRefused { error } => ("credentials", error),
    }
}

/// How long a report asks to wait, in seconds, give or take what a test takes.
pub(super) fn wait_of(report: &Report) -> Option<u64> {
    match report {
        Report::SlowDown { retry_after, .. } => retry_after.map(|wait| wait.as_secs()),
        other => panic!("{other:?}"),
    }
}

/// So many seconds from now, in seconds since 1970.
pub(super) fn in_seconds(seconds: i64) -> String {
    (Timestamp::now().as_second() + seconds).to_string()
}
