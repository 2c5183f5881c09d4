//! The inbox by HTTP, and its streams.

mod endpoints;
mod late;
mod live;
mod moments;
mod streams;
mod wakes;

use reqwest::Method;
use serde_json::{Value, json};
use tidings_domain::notification::{MessageId, UserId};
use tidings_tests::{Answer, Client, EventStream, World, eventually_ok, secs, tokens};

const INBOX: &str = "/api/inbox";

/// A client of this user.
fn own(client: &Client, user: UserId) -> Client {
    client.with_token(tokens::scoped(user, "inbox"))
}

async fn post(client: &Client, path: &str, body: Option<&Value>) -> Answer {
    let request = client.request(Method::POST, &format!("{INBOX}{path}"));
    client
        .send(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await
}

/// Posts in-app notifications for the user of `world`, and waits until they are recorded. Returns their ids in order.
async fn notify(world: &World, service: &Client, count: usize) -> Vec<MessageId> {
    notify_user(world, service, world.user, count).await
}

async fn notify_user(
    world: &World,
    service: &Client,
    user: UserId,
    count: usize,
) -> Vec<MessageId> {
    let mut ids = Vec::new();
    for _ in 0..count {
        let body = json!({"targetUserId": user, "type": "in-app", "payload": {"title": "Hello"}});
        ids.push(service.post(&body).await.accepted());
    }
    let listed = ids.iter().map(|id| format!("'{id}'"));
    let condition = format!("message_id IN ({})", listed.collect::<Vec<_>>().join(","));
    eventually_ok(secs(30), "the notifications are recorded", async || {
        let recorded = world.database.count(&condition).await;
        let all = recorded == i64::try_from(count).expect("small");
        all.then_some(())
            .ok_or_else(|| format!("{recorded} of {count}"))
    })
    .await;
    ids
}

/// The ids of a list.
fn ids(list: &Value) -> Vec<MessageId> {
    let items = list["items"].as_array().expect("a list").iter();
    let ids = items.map(|item| item["messageId"].as_str().expect("an id").parse());
    ids.collect::<Result<_, _>>().expect("UUIDs")
}

/// Opens a stream that continues after `last_id`, unless that is empty.
async fn open(client: &Client, last_id: &str) -> EventStream {
    let stream = try_open(client, last_id).await;
    stream.unwrap_or_else(|answer| panic!("{}", answer.text))
}

async fn try_open(client: &Client, last_id: &str) -> Result<EventStream, Answer> {
    let request = client.request(Method::GET, &format!("{INBOX}/stream"));
    EventStream::open(client, request.header("Last-Event-ID", last_id)).await
}
