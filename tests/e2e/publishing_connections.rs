//! A process publishes on several connections, and each of them does for all.

use std::sync::{Arc, Mutex};

use lapin::BasicProperties;
use lapin::options::ExchangeDeleteOptions;
use serde_json::json;
use tidings_broker::{Failure, PublishError, Publisher, Router, connect};
use tidings_tests::{World, eventually, secs};
use tokio_util::sync::CancellationToken;

struct Publishing {
    publisher: Publisher,
    router: Router,
}

impl Publishing {
    async fn publish(&self) -> Result<(), PublishError> {
        let failure = Failure::new("none", String::new());
        let none = BasicProperties::default();
        let letter = self.router.dead_letter(&none, b"x".to_vec(), &failure, 1);
        self.publisher.publish(letter).await
    }
}

#[tokio::test]
async fn who_has_no_connection_of_their_own_publishes_over_that_of_another() {
    let world = World::new().await;
    let settings = world.broker_settings(&[]);
    let router = Router::new(&settings);
    let told = Arc::new(Mutex::new(Vec::new()));
    let (changed, stop) = (Arc::clone(&told), CancellationToken::new());
    let changed = move |possible| changed.lock().expect("not poisoned").push(possible);
    let (first, first_task) = Publisher::start(settings, "tests: first", changed, stop.clone());
    first.until_connected().await;
    let amqp = world.amqp().await;

    let vhost = &world.vhost;
    let limit = ["vhost-limits", vhost.name.as_str(), "max-connections"];
    vhost
        .management
        .put(&limit, json!({"value": 1}))
        .await
        .expect("a limit");
    let refused = connect(&world.broker_settings(&[]), "tests: refused").await;
    assert!(refused.is_err(), "nobody gets a connection any more");
    let second_stop = CancellationToken::new();
    let (second, second_task) = first.connected_here(second_stop.clone());
    let second = Publishing {
        publisher: second,
        router,
    };
    for _ in 0..10 {
        second.publish().await.expect("over the first");
    }

    vhost
        .management
        .put(&limit, json!({"value": -1}))
        .await
        .expect("no limit");
    second.publisher.until_connected().await;
    stop.cancel();
    first_task.await.expect("no panic");
    second.publish().await.expect("over its own");
    assert_eq!(*told.lock().expect("not poisoned"), [true]);

    second_stop.cancel();
    second_task.await.expect("no panic");
    let after = second.publish().await;
    assert!(
        matches!(after, Err(PublishError::Disconnected)),
        "{after:?}"
    );
    assert_eq!(*told.lock().expect("not poisoned"), [true, false]);
    assert_eq!(amqp.dead_letter_depth().await, 11);
}

/// The first connection is in use by nobody, and so does not notice.
#[tokio::test]
async fn an_exchange_that_is_deleted_is_declared_again_by_whoever_misses_it() {
    let world = World::new().await;
    let settings = world.broker_settings(&[]);
    let (exchange, router) = (settings.names.exchange.clone(), Router::new(&settings));
    let stop = CancellationToken::new();
    let (first, _task) = Publisher::start(settings, "tests: first", |_| {}, stop.clone());
    first.until_connected().await;
    let (second, _task) = first.connected_here(stop.clone());
    second.until_connected().await;

    let amqp = world.amqp().await;
    let delete = ExchangeDeleteOptions::default();
    let deleted = amqp.channel.exchange_delete(exchange.into(), delete);
    deleted.await.expect("deleted");
    let publish = async || second.publish(router.intake(&world.wire(), "test")).await;
    let missed = publish().await;
    assert!(matches!(missed, Err(PublishError::Lost(_))), "{missed:?}");
    eventually(secs(10), "published again", async || {
        publish().await.is_ok()
    })
    .await;
    assert!(amqp.intake_depth().await > 0);
    stop.cancel();
}
