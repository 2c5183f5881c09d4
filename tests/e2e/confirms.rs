//! A publish succeeds if and only if the broker has confirmed that very message.

use futures_util::future::join_all;
use tidings_broker::raw::BasicProperties;
use tidings_broker::raw::options::{BasicPublishOptions, QueueDeclareOptions};
use tidings_broker::raw::types::{AMQPValue, FieldTable};
use tidings_broker::{Envelope, Failure, MessageFactory, PublishError, Publisher};
use tidings_tests::{Amqp, World};
use tokio_util::sync::CancellationToken;

async fn declare(amqp: &Amqp, name: &str, max_length: i32, overflow: &str) {
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(max_length));
    arguments.insert("x-overflow".into(), AMQPValue::LongString(overflow.into()));
    let options = QueueDeclareOptions::default();
    let declared = amqp.channel.queue_declare(name.into(), options, arguments);
    declared.await.expect("declared");
}

/// A message factory whose dead letters go to `queue`: the simplest way to publish to a queue of any name.
fn message_factory_to(world: &World, queue: &str) -> MessageFactory {
    MessageFactory::new(&world.broker_settings(&[("DLQ_NAME", queue)]))
}

/// Definite results that each of the 64 tasks waits for.
const RESULTS_PER_TASK: u32 = 500;

/// Results of publishing, counted.
#[derive(Clone, Copy, Debug, Default)]
struct Results {
    /// Messages to the open queue that were confirmed.
    confirmed: u32,
    /// Messages to the full queue that were refused.
    refused: u32,
    /// Messages that got the confirm of another message.
    swapped: u32,
}

impl Results {
    const fn count(&self) -> u32 {
        self.confirmed + self.refused + self.swapped
    }

    const fn add(&mut self, other: &Self) {
        self.confirmed += other.confirmed;
        self.refused += other.refused;
        self.swapped += other.swapped;
    }
}

/// Publishes from many tasks on one channel, every fourth message to a queue that refuses all. If the client
/// swaps two confirms, a refused message counts as confirmed, and a message is lost despite its 202.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_message_gets_the_confirm_of_another() {
    let world = World::new().await;
    let amqp = world.amqp().await;
    declare(&amqp, "open", 10, "drop-head").await;
    declare(&amqp, "full", 1, "reject-publish").await;
    let (options, none) = (BasicPublishOptions::default(), BasicProperties::default());
    for _ in 0..2 {
        let filling =
            amqp.channel
                .basic_publish("".into(), "full".into(), options, b"x", none.clone());
        filling.await.expect("sent").await.expect("answered");
    }

    let stop = CancellationToken::new();
    let one_channel = world.broker_settings(&[("PUBLISH_CHANNELS", "1")]);
    let (publisher, _task) = Publisher::start(one_channel, "tests: confirms", |_| {}, stop.clone());
    publisher.until_connected().await;
    let failure = Failure::new("none", String::new());
    let message_factories = [
        message_factory_to(&world, "open"),
        message_factory_to(&world, "full"),
    ];
    let tasks = (0..64).map(|task| {
        let (publisher, failure) = (publisher.clone(), failure.clone());
        let full = task % 4 == 0;
        let message_factory = message_factories[usize::from(full)].clone();
        tokio::spawn(async move {
            let mut results = Results::default();
            while results.count() < RESULTS_PER_TASK {
                let out = message_factory.dead_letter(&Envelope::of_body(b"x".to_vec()), &failure);
                match publisher.publish(out).await {
                    Ok(()) if full => results.swapped += 1,
                    Err(PublishError::Refused) if !full => results.swapped += 1,
                    Ok(()) => results.confirmed += 1,
                    Err(PublishError::Refused) => results.refused += 1,
                    // The publisher replaces a connection after too many refusals in a row.
                    Err(_) => publisher.until_connected().await,
                }
            }
            results
        })
    });
    let mut total = Results::default();
    for results in join_all(tasks).await {
        total.add(&results.expect("no panic"));
    }
    assert_eq!(total.swapped, 0, "{total:?}");
    // Without many confirms of both kinds there is nothing to swap.
    assert_eq!((total.confirmed, total.refused), (24_000, 8_000));
    stop.cancel();
}
