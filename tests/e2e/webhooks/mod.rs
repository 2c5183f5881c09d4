//! Webhooks from the POST to the receiver and back to the timeline.

mod answers;
mod killed;
mod others;

use serde_json::{Value, json};
use tidings_common::notification::MessageId;
use tidings_tests::{Program, Receiver, World, eventually_ok, secs};

/// An installation that may send webhooks to receivers on this machine, with more settings.
async fn world(more: &[(&str, &str)]) -> World {
    let mut settings = vec![
        ("WEBHOOK_PROVIDER", "http"),
        ("WEBHOOK_ALLOW_NETS", "127.0.0.1"),
    ];
    settings.extend_from_slice(more);
    World::with(&settings).await
}

/// The body of a POST: a webhook to `receiver`.
fn webhook(world: &World, receiver: &Receiver, number: usize) -> Value {
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
async fn post(world: &World, api: &Program, receiver: &Receiver, number: usize) -> MessageId {
    let body = webhook(world, receiver, number);
    api.client().post(&body).await.accepted()
}

/// Waits until the row has this status.
async fn until(world: &World, id: MessageId, status: &str) {
    let is = format!("message_id = '{id}' AND status = '{status}'");
    eventually_ok(secs(60), status, async || {
        match world.database.count(&is).await {
            1 => Ok(()),
            _ => Err("it is not"),
        }
    })
    .await;
}

/// The notification's timeline.
async fn attempts(api: &Program, id: MessageId) -> Vec<Value> {
    let path = format!("/api/notifications/{id}/attempts");
    let answer = api.client().get(&path).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let attempts = answer.body["attempts"].as_array();
    attempts.expect("attempts").clone()
}

/// Number and outcome of each attempt.
fn outcomes(attempts: &[Value]) -> Vec<(u64, &str)> {
    let outcome = |attempt: &'_ Value| attempt["attempt"].as_u64().expect("a number");
    attempts
        .iter()
        .map(|attempt| {
            (
                outcome(attempt),
                attempt["outcome"].as_str().expect("a text"),
            )
        })
        .collect()
}
