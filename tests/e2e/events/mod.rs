//! Events that other programs publish.

mod dead_letters;
mod example;
mod held;
mod translated;

use serde_json::Value;
use tidings_broker::raw::BasicProperties;
use tidings_broker::raw::types::{AMQPValue, FieldTable};
use tidings_db::users::{self, NewUser};
use tidings_domain::notification::UserId;
use tidings_tests::{Amqp, AmqpMessage, World, eventually_ok, secs};

/// A worker that translates events and records their notifications.
const STAGES: (&str, &str) = ("WORKER_CHANNELS", "events,intake");

/// Returns an event without a key.
fn event(amqp: &Amqp, kind: &str, body: &Value) -> AmqpMessage {
    AmqpMessage {
        exchange: amqp.settings.names.events_exchange(),
        routing_key: kind.to_owned(),
        properties: BasicProperties::default().with_delivery_mode(2),
        body: body.to_string().into_bytes(),
    }
}

/// Returns an event with the AMQP property `message_id`.
fn event_with_id(amqp: &Amqp, kind: &str, body: &Value, id: &str) -> AmqpMessage {
    let event = event(amqp, kind, body);
    AmqpMessage {
        properties: event.properties.with_message_id(id.into()),
        ..event
    }
}

/// Adds the header `x-idempotency-key`.
fn with_key(event: AmqpMessage, key: &str) -> AmqpMessage {
    let mut headers = FieldTable::default();
    let key = AMQPValue::LongString(key.into());
    headers.insert("x-idempotency-key".into(), key);
    AmqpMessage {
        properties: event.properties.with_headers(headers),
        ..event
    }
}

/// Creates a user like a program that inserts into the table.
async fn make_user(world: &World, id: UserId, email: &str) {
    let username = format!("user-{id}");
    let user = NewUser {
        id,
        username: &username,
        email: Some(email),
    };
    let made = world
        .database
        .pool
        .run(async |client| users::insert(client, user).await)
        .await;
    assert!(made.expect("a user"));
}

/// Waits until this many notifications satisfy a condition.
async fn until_recorded(world: &World, n: i64, condition: &str) {
    eventually_ok(secs(20), "the notifications are recorded", async || {
        let count = world.database.count(condition).await;
        (count == n)
            .then_some(())
            .ok_or_else(|| format!("{count} notifications"))
    })
    .await;
}
