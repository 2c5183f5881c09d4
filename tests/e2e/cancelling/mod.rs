//! Cancellation, other times and expiry of notifications, over HTTP.

mod groups;
mod single;
mod times;

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use tidings_domain::notification::MessageId;
use tidings_tests::{Answer, Client, MockHttpServer, Program, ProgramKind, Response, World};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

async fn world() -> (MockHttpServer, World) {
    let receiver = MockHttpServer::start(|_| Response::status(200)).await;
    let world = World::with(&[
        ("WEBHOOK_PROVIDER", "http"),
        ("WEBHOOK_ALLOW_NETS", "127.0.0.1"),
        ("WORKER_CHANNELS", "intake,scheduler,webhook"),
        ("SCHEDULER_POLL_MS", "100"),
    ])
    .await;
    (receiver, world)
}

fn webhook(world: &World, receiver: &MockHttpServer, more: &Value) -> Value {
    let payload = json!({"to": receiver.url("/hook"), "event": "order.shipped", "data": {}});
    let mut body = json!({"targetUserId": world.user, "type": "webhook", "payload": payload});
    let members = more.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(members);
    body
}

fn in_an_hour() -> Value {
    json!({"sendAt": Timestamp::now() + HOUR})
}

async fn cancel(client: &Client, id: MessageId) -> Answer {
    let path = format!("/api/notifications/{id}");
    client.send(client.request(Method::DELETE, &path)).await
}

async fn patch(client: &Client, id: MessageId, body: &Value) -> Answer {
    let path = format!("/api/notifications/{id}");
    client
        .send(client.request(Method::PATCH, &path).json(body))
        .await
}

async fn worker_with(world: &World, stages: &str) -> Program {
    world
        .start(ProgramKind::Worker, &[("WORKER_CHANNELS", stages)])
        .await
}

fn assert_cancelled(answer: &Answer, id: MessageId) {
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.body, json!({"messageId": id, "status": "cancelled"}));
}
