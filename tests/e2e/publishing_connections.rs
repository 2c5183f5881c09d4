//! A publisher reports whether it can publish, and declares again what was deleted.

use std::sync::{Arc, Mutex};

use serde_json::json;
use tidings_broker::raw::options::ExchangeDeleteOptions;
use tidings_broker::{Envelope, Failure, MessageFactory, PublishError, Publisher, connect};
use tidings_tests::{World, eventually, secs};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_publisher_without_a_connection_refuses_at_once_and_reports_every_change() {
    let world = World::new().await;
    let settings = world.broker_settings(&[]);
    let message_factory = MessageFactory::new(&settings);
    let changes = Arc::new(Mutex::new(Vec::new()));
    let (recorded, stop) = (Arc::clone(&changes), CancellationToken::new());
    let record = move |possible| recorded.lock().expect("not poisoned").push(possible);
    let letter = || {
        let failure = Failure::new("none", String::new());
        message_factory.dead_letter(&Envelope::of_body(b"x".to_vec()), &failure)
    };
    let amqp = world.amqp().await;

    let vhost = &world.vhost;
    let limit = ["vhost-limits", vhost.name.as_str(), "max-connections"];
    vhost
        .management
        .put(&limit, json!({"value": 1}))
        .await
        .expect("a limit");
    let refused = connect(&world.broker_settings(&[]), "tests: refused").await;
    assert!(refused.is_err(), "the broker accepts no further connection");
    let (publisher, task) = Publisher::start(settings, "tests: publisher", record, stop.clone());
    let before = publisher.publish(letter()).await;
    assert_eq!(before, Err(PublishError::Disconnected));

    vhost
        .management
        .put(&limit, json!({"value": -1}))
        .await
        .expect("no limit");
    publisher.until_connected().await;
    for _ in 0..10 {
        publisher.publish(letter()).await.expect("connected");
    }
    assert_eq!(*changes.lock().expect("not poisoned"), [true]);

    stop.cancel();
    task.await.expect("no panic");
    let after = publisher.publish(letter()).await;
    assert_eq!(after, Err(PublishError::Disconnected));
    assert_eq!(*changes.lock().expect("not poisoned"), [true, false]);
    assert_eq!(amqp.dead_letter_depth().await, 10);
}

/// RabbitMQ 3.10 refuses every publish on a channel that was opened before its queue had a new leader. Here a full queue
/// refuses them.
#[tokio::test]
async fn a_connection_on_which_many_publishes_in_a_row_are_refused_is_replaced() {
    let world = World::new().await;
    let settings = world.broker_settings(&[]);
    let message_factory = MessageFactory::new(&settings);
    let amqp = world.declared(&[]).await;
    let changes = Arc::new(Mutex::new(Vec::new()));
    let (recorded, stop) = (Arc::clone(&changes), CancellationToken::new());
    let record = move |possible| recorded.lock().expect("not poisoned").push(possible);
    let (publisher, task) = Publisher::start(settings, "tests: refused", record, stop.clone());
    publisher.until_connected().await;
    let publish = async || {
        let failure = Failure::new("none", String::new());
        let envelope = Envelope::of_body(b"x".to_vec());
        publisher
            .publish(message_factory.dead_letter(&envelope, &failure))
            .await
    };
    publish().await.expect("a confirm");

    let definition = json!({"max-length": 1, "overflow": "reject-publish"});
    let policy = json!({
        "pattern": amqp.settings.names.dlq, "definition": definition, "apply-to": "queues",
    });
    let path = ["policies", world.vhost.name.as_str(), "full"];
    let put = world.vhost.management.put(&path, policy).await;
    put.expect("a policy");
    eventually(secs(30), "the connection is replaced", async || {
        let _ = publish().await;
        changes
            .lock()
            .expect("not poisoned")
            .starts_with(&[true, false, true])
    })
    .await;
    stop.cancel();
    task.await.expect("no panic");
}

#[tokio::test]
async fn an_exchange_that_is_deleted_is_declared_again_after_the_next_publish() {
    let world = World::new().await;
    let settings = world.broker_settings(&[]);
    let (exchange, message_factory) = (
        settings.names.exchange.clone(),
        MessageFactory::new(&settings),
    );
    let stop = CancellationToken::new();
    let (publisher, _task) = Publisher::start(settings, "tests: publisher", |_| {}, stop.clone());
    publisher.until_connected().await;

    let amqp = world.amqp().await;
    let delete = ExchangeDeleteOptions::default();
    let deleted = amqp.channel.exchange_delete(exchange.into(), delete);
    deleted.await.expect("deleted");
    let publish = async || {
        publisher
            .publish(message_factory.intake(&world.wire(), "test"))
            .await
    };
    let missed = publish().await;
    assert!(matches!(missed, Err(PublishError::Lost(_))), "{missed:?}");
    eventually(secs(10), "published again", async || {
        publish().await.is_ok()
    })
    .await;
    assert!(amqp.intake_depth().await > 0);
    stop.cancel();
}
