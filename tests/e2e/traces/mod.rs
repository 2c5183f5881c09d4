//! Traces: the spans that a collector gets, and the headers that follow a notification.

mod collector_away;
mod headers;
mod one_trace;
mod providers;
mod receiver;
mod ways;

use reqwest::Method;
use serde_json::Value;
use tidings_db::notifications::mark_failed;
use tidings_domain::notification::MessageId;
use tidings_tests::{Answer, Client, World};

/// The trace of a caller, and its span.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";
const STATE: &str = "vendor=a:1,other=b";

/// The header `traceparent` of a caller that records its trace, or not.
fn traceparent(sampled: bool) -> String {
    format!("00-{TRACE}-{CALLER}-{:02x}", u8::from(sampled))
}

/// Makes a notification a dead letter.
async fn fail(world: &World, id: MessageId) {
    let failing = world
        .database
        .pool
        .run(async |client| mark_failed(client, id, "told_to", "told_to: by a test").await);
    assert!(failing.await.expect("a row"));
}

/// Posts a notification with headers.
async fn post(client: &Client, body: &Value, headers: &[(&str, &str)]) -> Answer {
    let request = client
        .request(Method::POST, "/api/notifications")
        .json(body);
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    client.send(request).await
}
