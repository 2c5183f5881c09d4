//! A publish counts as safe exactly where the broker has confirmed that very message.

use futures_util::future::join_all;
use lapin::BasicProperties;
use lapin::options::{BasicPublishOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use tidings_broker::{Failure, PublishError, Publisher, Router};
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

/// A router whose dead letters go to `queue`: the shortest way to a queue of any name.
fn to(world: &World, queue: &str) -> Router {
    Router::new(&world.broker_settings(&[("DLQ_NAME", queue)]))
}

/// Many threads on one channel, every second message to a queue that refuses all. Where the client
/// swaps two confirms, a refused message counts as safe: the way to lose one in spite of a 202.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_message_is_given_the_confirm_of_another() {
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
    let routers = [to(&world, "open"), to(&world, "full")];
    let tasks = (0..64).map(|task| {
        let (publisher, failure) = (publisher.clone(), failure.clone());
        let (full, router) = (task % 2 == 1, routers[task % 2].clone());
        tokio::spawn(async move {
            let mut wrong = 0;
            // A session that is refused too often in a row is replaced, so successes lie between.
            for _ in 0..500 {
                let out =
                    router.dead_letter(&BasicProperties::default(), b"x".to_vec(), &failure, 1);
                match publisher.publish(out).await {
                    Ok(()) if full => wrong += 1,
                    Err(PublishError::Refused) if !full => wrong += 1,
                    _ => {}
                }
            }
            wrong
        })
    });
    let wrong: i32 = join_all(tasks)
        .await
        .into_iter()
        .map(|wrong| wrong.expect("no panic"))
        .sum();
    assert_eq!(wrong, 0, "of 32,000");
    stop.cancel();
}
