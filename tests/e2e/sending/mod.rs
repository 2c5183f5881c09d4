//! Stop and start of sending: what the switches promise, over HTTP, by the tool and for clients of the older service.

mod backlog;
mod control;
mod older_clients;
mod restarts;
mod scheduled;
mod under_load;

use reqwest::Method;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tidings_domain::notification::{Channel, DeliveredChannel, MessageId, Notification};
use tidings_tests::{Answer, Client, MockHttpServer, Program, World, eventually_ok, secs};

use crate::delivery::{accepted_response, channel};

/// An installation that sends text messages to a provider that accepts all of them.
async fn world(more: &[(&str, &str)]) -> (MockHttpServer, World) {
    let twilio = MockHttpServer::start(|_| accepted_response()).await;
    let poll = [("CONTROL_POLL_MS", "200")];
    let world = crate::delivery::world(&twilio, &[&poll[..], more].concat()).await;
    (twilio, world)
}

fn sms(world: &World) -> Notification {
    let payload = json!({"to": "+4915112345678", "text": "hello"}).to_string();
    Notification {
        channel: Channel::Sms,
        payload: RawValue::from_string(payload).expect("JSON"),
        ..world.wire()
    }
}

/// Publishes `count` text messages to the intake, as the API does.
async fn publish(world: &World, count: usize) -> Vec<MessageId> {
    let amqp = world.amqp().await;
    let all: Vec<_> = (0..count).map(|_| sms(world)).collect();
    amqp.publish_all(all.iter().map(|one| amqp.intake_of(one)))
        .await;
    all.iter().map(|one| one.message_id).collect()
}

async fn post(client: &Client, path: &str, body: &Value) -> Answer {
    client
        .send(client.request(Method::POST, path).json(body))
        .await
}

/// Stops the text messages. Returns how many are in flight.
async fn stop(client: &Client) -> u64 {
    let body = json!({"channel": "sms", "reason": "the provider doubles messages"});
    let answer = post(client, "/api/sending/stop", &body).await;
    let in_flight = answer.body["inFlight"].as_u64().expect("a number");
    let expected = json!({"channel": "sms", "stopped": true, "inFlight": in_flight});
    assert_eq!((answer.status, &answer.body), (200, &expected));
    in_flight
}

async fn start(client: &Client) {
    let answer = post(client, "/api/sending/start", &json!({"channel": "sms"})).await;
    let expected = json!({"channel": "sms", "stopped": false, "inFlight": 0});
    assert_eq!((answer.status, answer.body), (200, expected));
}

/// Waits until the worker says that the channel is stopped, or not.
async fn until_state(worker: &Program, state: &str) {
    eventually_ok(secs(20), state, async || {
        let health = channel(worker, "sms").await;
        (health["state"] == state).then_some(()).ok_or(health)
    })
    .await;
}

/// Waits until every notification is sent, and checks that each was sent once and none by a second attempt.
async fn until_each_is_sent_once(world: &World, twilio: &MockHttpServer, count: usize) {
    let expected = i64::try_from(count).expect("small");
    eventually_ok(secs(60), "all are sent", async || {
        let sent = world.database.count("status = 'processed'").await;
        (sent == expected).then_some(()).ok_or(sent)
    })
    .await;
    let amqp = world.amqp().await;
    let names = &amqp.settings.names;
    let queues = [names.channel_queue(DeliveredChannel::Sms), names.wait("1s")];
    eventually_ok(secs(60), "no message is left", async || {
        let depth = amqp.depth(&queues[0]).await + amqp.depth(&queues[1]).await;
        (depth == 0).then_some(()).ok_or(depth)
    })
    .await;
    assert_eq!(twilio.count(), count);
    assert_eq!(world.database.count("retries_attempted <> 0").await, 0);
    assert_eq!(attempts(world).await, expected);
    assert_eq!(amqp.dead_letter_depth().await, 0);
}

/// The attempts of all notifications.
async fn attempts(world: &World) -> i64 {
    let counted = world.database.pool.run(async |client| {
        let sql = "SELECT count(*) FROM delivery_attempts";
        Ok(client.query_one(sql, &[]).await?.get(0))
    });
    counted.await.expect("a count")
}
