//! Connections that look open and publish nothing, and one that is only blocked. AMQP heartbeats are off, so only the publisher itself can notice.

use std::sync::{Arc, Mutex};

use tidings_broker::{Envelope, Failure, MessageFactory, PublishError, Publisher};
use tidings_tests::{PrivateServer, ServerKind, ServerUrls, World, eventually, secs};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// A publisher of dead letters on a broker of its own. Fields are dropped in this order.
struct LonelyPublisher {
    publisher: Publisher,
    task: JoinHandle<()>,
    stop: CancellationToken,
    message_factory: MessageFactory,
    changes: Arc<Mutex<Vec<bool>>>,
    world: World,
    broker: PrivateServer,
}

impl LonelyPublisher {
    async fn connected() -> Self {
        let broker = PrivateServer::reused(ServerKind::RabbitMq).await;
        let world = World::on(&broker.among(ServerUrls::shared()), &[]).await;
        let url = format!("{}?heartbeat=0", world.vhost.url());
        let settings =
            world.broker_settings(&[("RABBITMQ_URL", &url), ("PUBLISH_TIMEOUT_MS", "1000")]);
        let message_factory = MessageFactory::new(&settings);
        let changes = Arc::new(Mutex::new(Vec::new()));
        let (recorded, stop) = (Arc::clone(&changes), CancellationToken::new());
        let record = move |possible| recorded.lock().expect("not poisoned").push(possible);
        let (publisher, task) = Publisher::start(settings, "tests: lonely", record, stop.clone());
        publisher.until_connected().await;
        let lonely = Self {
            publisher,
            task,
            stop,
            message_factory,
            changes,
            world,
            broker,
        };
        lonely.publish().await.expect("a confirm");
        lonely
    }

    async fn publish(&self) -> Result<(), PublishError> {
        let failure = Failure::new("none", String::new());
        let envelope = Envelope::of_body(b"x".to_vec());
        let letter = self.message_factory.dead_letter(&envelope, &failure);
        self.publisher.publish(letter).await
    }

    /// Publishes until the connection is given up.
    async fn until_given_up(&self) {
        eventually(secs(30), "a publish is not confirmed", async || {
            self.publish().await == Err(PublishError::TimedOut)
        })
        .await;
        eventually(secs(60), "the connection is given up", async || {
            let _ = self.publish().await;
            self.changes().contains(&false)
        })
        .await;
    }

    /// Waits until publishing works again.
    async fn until_published_again(&self) {
        eventually(secs(60), "publishing works again", async || {
            self.publish().await.is_ok()
        })
        .await;
        let changes = self.changes();
        assert!(changes.starts_with(&[true, false, true]), "{changes:?}");
    }

    fn changes(&self) -> Vec<bool> {
        self.changes.lock().expect("not poisoned").clone()
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("no panic");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_to_a_frozen_node_is_given_up_without_heartbeats() {
    let lonely = LonelyPublisher::connected().await;
    let frozen = lonely.broker.freeze().await;
    lonely.until_given_up().await;
    frozen.thaw();
    lonely.until_published_again().await;
    lonely.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_whose_queue_confirms_nothing_is_given_up_though_its_node_answers() {
    let lonely = LonelyPublisher::connected().await;
    let dlq = &lonely.world.broker_settings(&[]).names.dlq;
    // The process of the queue's replica.
    let queue = format!("['{}_{dlq}']", lonely.world.vhost.name);
    assert_eq!(lonely.broker.call("sys", "suspend", &queue).await, "ok");
    lonely.until_given_up().await;
    assert_eq!(lonely.broker.call("sys", "resume", &queue).await, "ok");
    lonely.until_published_again().await;
    lonely.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_a_memory_alarm_blocks_is_kept() {
    let lonely = LonelyPublisher::connected().await;
    let watermark = async |fraction| {
        let (module, function) = ("vm_memory_monitor", "set_vm_memory_high_watermark");
        let set = lonely.broker.call(module, function, fraction).await;
        assert_eq!(set, "ok");
    };
    watermark("[0.00001]").await;
    eventually(secs(30), "the alarm is noticed", async || {
        let _ = lonely.publish().await;
        lonely.changes() == [true, false]
    })
    .await;
    // A connection that is not blocked would be given up in less time.
    let given_up = eventually(secs(60), "another connection", async || {
        lonely.changes() != [true, false]
    });
    let given_up = timeout(secs(8), given_up).await;
    assert!(given_up.is_err(), "{:?}", lonely.changes());
    watermark("[0.4]").await;
    lonely.until_published_again().await;
    lonely.stop().await;
}
