//! Webhooks from the POST to the receiver and the timeline.

mod exact_data;
mod isolation;
mod kills;
mod responses;
mod throttling;

use serde_json::{Value, json};
use tidings_domain::notification::MessageId;
use tidings_tests::{MockHttpServer, Program, World};

/// Creates an installation that sends webhooks to receivers on this machine, with more settings.
async fn world(more: &[(&str, &str)]) -> World {
    let mut settings = vec![
        ("WEBHOOK_PROVIDER", "http"),
        ("WEBHOOK_ALLOW_NETS", "127.0.0.1"),
        ("WORKER_CHANNELS", "intake,webhook"),
    ];
    settings.extend_from_slice(more);
    World::with(&settings).await
}

/// Returns the body of a POST: a webhook to `receiver`.
fn webhook(world: &World, receiver: &MockHttpServer, number: usize) -> Value {
    json!({
        "targetUserId": world.user,
        "type": "webhook",
        "payload": {
            "to": receiver.url("/hooks"),
            "event": "order.shipped",
            "data": {"number": number},
        },
    })
}

/// Posts one webhook to `receiver`.
async fn post(world: &World, api: &Program, receiver: &MockHttpServer, number: usize) -> MessageId {
    let body = webhook(world, receiver, number);
    api.client().post(&body).await.accepted()
}
