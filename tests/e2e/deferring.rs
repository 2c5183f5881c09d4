//! A deferred message returns to its own queue as the same attempt.

use std::collections::HashSet;

use futures_util::StreamExt;
use futures_util::future::join_all;
use tidings_broker::raw::message::Delivery;
use tidings_broker::raw::options::{BasicAckOptions, BasicConsumeOptions};
use tidings_broker::raw::types::{AMQPValue, FieldTable};
use tidings_broker::{Envelope, MessageFactory, Publisher, Stage, WaitTime, header};
use tidings_domain::notification::{DeliveredChannel, MessageId};
use tidings_domain::retry::Attempt;
use tidings_tests::{Amqp, World, text_header};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Defers messages like the worker, with its publisher and message factory.
struct Deferrer {
    publisher: Publisher,
    message_factory: MessageFactory,
    attempt: Attempt,
    _stop: DropGuard,
}

impl Deferrer {
    async fn start(amqp: &Amqp) -> Self {
        let stop = CancellationToken::new();
        let settings = amqp.settings.clone();
        let (publisher, _task) =
            Publisher::start(settings, "tests: deferring", |_| {}, stop.clone());
        publisher.until_connected().await;
        Self {
            publisher,
            message_factory: MessageFactory::new(&amqp.settings),
            attempt: Attempt {
                number: 2,
                ladder: amqp.settings.ladder,
            },
            _stop: stop.drop_guard(),
        }
    }

    /// Publishes the message, waits for the confirm, then acknowledges.
    async fn defer(&self, delivery: Delivery) {
        let (key, properties) = (delivery.routing_key.as_str(), delivery.properties.clone());
        let envelope = Envelope::new(key, properties, delivery.data.clone());
        let now = jiff::Timestamp::now();
        let out = self
            .message_factory
            .deferred(&envelope, WaitTime::Second, Some(now));
        self.publisher.publish(out).await.expect("confirmed");
        ack(&delivery).await;
    }
}

async fn ack(delivery: &Delivery) {
    delivery
        .acker
        .ack(BasicAckOptions::default())
        .await
        .expect("acknowledged");
}

async fn consume(amqp: &Amqp, queue: &str) -> tidings_broker::raw::Consumer {
    let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
    let consumer = amqp
        .channel
        .basic_consume(queue.into(), "".into(), options, none);
    consumer.await.expect("a consumer")
}

/// Returns the number of entries in a message's `x-death` header.
fn deaths(delivery: &Delivery) -> usize {
    let headers = delivery.properties.headers().clone().unwrap_or_default();
    match headers.inner().get("x-death") {
        Some(AMQPValue::FieldArray(deaths)) => deaths.as_slice().len(),
        _ => 0,
    }
}

#[tokio::test]
async fn a_thousand_messages_are_deferred_three_times_each() {
    let world = World::new().await;
    let amqp = world.declared(&[]).await;
    let deferrer = Deferrer::start(&amqp).await;
    let key = deferrer.attempt.to_string();
    let published = (0..1000).map(|_| {
        let mut message = amqp.intake_of(&world.wire());
        message.routing_key.clone_from(&key);
        message
    });
    amqp.publish_all(published).await;

    let mut deliveries = consume(&amqp, &amqp.settings.names.queue).await;
    let mut expected: HashSet<String> = HashSet::new();
    for round in 0..=3 {
        let wave: Vec<Delivery> = deliveries
            .by_ref()
            .take(1000)
            .map(|delivery| delivery.expect("a delivery"))
            .collect()
            .await;
        let mut ids = HashSet::new();
        for delivery in &wave {
            assert_eq!(delivery.routing_key.as_str(), key);
            assert!(deaths(delivery) <= 1, "x-death does not grow");
            let until = text_header(&delivery.properties, header::NOT_BEFORE);
            assert_eq!(until.is_some(), round > 0);
            let id = delivery.properties.message_id().clone().expect("an id");
            ids.insert(id.to_string());
        }
        assert_eq!(ids.len(), 1000, "each comes back once a round");
        assert!(round == 0 || ids == expected);
        expected = ids;
        if round < 3 {
            join_all(wave.into_iter().map(|delivery| deferrer.defer(delivery))).await;
        } else {
            join_all(wave.iter().map(ack)).await;
        }
    }
    assert_eq!(amqp.intake_depth().await, 0);
    assert_eq!(amqp.dead_letter_depth().await, 0);
}

#[tokio::test]
async fn one_message_is_deferred_a_thousand_times() {
    let world = World::new().await;
    let amqp = world.amqp().await;
    amqp.shorten_wait_queue("1s", 1).await;
    let deferrer = Deferrer::start(&amqp).await;
    let stage = Stage::Delivery(DeliveredChannel::Email);
    let mut deliveries = consume(&amqp, &stage.queue(&amqp.settings.names)).await;

    let id = MessageId::generate();
    let out = deferrer
        .message_factory
        .delivery(DeliveredChannel::Email, id, None);
    deferrer.publisher.publish(out).await.expect("confirmed");
    for _ in 0..1000 {
        let delivery = deliveries
            .next()
            .await
            .expect("deliveries")
            .expect("a delivery");
        let first = Attempt::first(amqp.settings.ladder).to_string();
        assert_eq!(delivery.routing_key.as_str(), first);
        assert!(deaths(&delivery) <= 1, "x-death does not grow");
        deferrer.defer(delivery).await;
    }
    let delivery = deliveries
        .next()
        .await
        .expect("deliveries")
        .expect("a delivery");
    let its_id = delivery
        .properties
        .message_id()
        .as_ref()
        .map(ToString::to_string);
    assert_eq!(its_id, Some(id.to_string()));
    assert_eq!(Stage::of(&delivery.properties), Some(stage));
}
