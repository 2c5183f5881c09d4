//! Scheduled notifications, from the intake to the provider.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use serde_json::value::RawValue;
use tidings_domain::notification::{Channel, DeliveredChannel, MessageId, Notification};
use tidings_domain::time::DeliveryWindow;
use tidings_tests::{MockHttpServer, Program, ProgramKind, Response, World, eventually, secs};

/// Short enough to wait for, long enough to see that nothing is sent before.
const SOON: SignedDuration = SignedDuration::from_secs(2);

const ALL: (&str, &str) = ("WORKER_CHANNELS", "intake,scheduler,webhook");

async fn world(more: &[(&str, &str)]) -> (MockHttpServer, World) {
    let receiver = MockHttpServer::start(|_| Response::status(200)).await;
    let base = [
        ("WEBHOOK_PROVIDER", "http"),
        ("WEBHOOK_ALLOW_NETS", "127.0.0.1"),
        ("SCHEDULER_POLL_MS", "100"),
        ALL,
    ];
    let world = World::with(&[&base[..], more].concat()).await;
    (receiver, world)
}

fn webhook(world: &World, receiver: &MockHttpServer, window: DeliveryWindow) -> Notification {
    let payload = json!({"to": receiver.url("/hook"), "event": "order.shipped", "data": {}});
    Notification {
        channel: Channel::Webhook,
        payload: RawValue::from_string(payload.to_string()).expect("JSON"),
        window,
        ..world.wire()
    }
}

fn at(time: Timestamp) -> DeliveryWindow {
    DeliveryWindow {
        not_before: Some(time),
        expires_at: None,
    }
}

async fn worker_with(world: &World, stages: &str) -> Program {
    let stages = [("WORKER_CHANNELS", stages)];
    world.start(ProgramKind::Worker, &stages).await
}

async fn publish(world: &World, notification: &Notification) -> MessageId {
    let amqp = world.amqp().await;
    amqp.publish(amqp.intake_of(notification)).await;
    notification.message_id
}

#[tokio::test]
async fn a_scheduled_notification_is_sent_once_and_not_before_its_time() {
    let (receiver, world) = world(&[]).await;
    let _worker = world.worker().await;
    let time = Timestamp::now() + SOON;
    let sent = webhook(&world, &receiver, at(time));
    let shown = Notification {
        window: at(time),
        ..world.wire()
    };
    for notification in [&sent, &shown] {
        publish(&world, notification).await;
    }
    for notification in [&sent, &shown] {
        world
            .until_status(notification.message_id, "scheduled")
            .await;
    }
    assert_eq!(receiver.count(), 0);
    for notification in [&sent, &shown] {
        world
            .until_status(notification.message_id, "processed")
            .await;
    }
    let in_time = "processed_at >= not_before AND release_until IS NULL AND reason = 'schedule'";
    assert_eq!(world.database.count(in_time).await, 2);
    assert_eq!(receiver.count(), 1);
}

#[tokio::test]
async fn without_a_scheduler_a_notification_waits_until_one_runs() {
    let (receiver, world) = world(&[]).await;
    let worker = worker_with(&world, "intake,webhook").await;
    let late = publish(
        &world,
        &webhook(&world, &receiver, at(Timestamp::now() + SOON)),
    )
    .await;
    world.until_status(late, "scheduled").await;
    // A notification that is due at once needs no scheduler.
    let at_once = publish(&world, &webhook(&world, &receiver, at(Timestamp::now()))).await;
    world.until_status(at_once, "processed").await;
    let due = "status = 'scheduled' AND not_before <= now()";
    eventually(secs(20), "it is due", async || {
        world.database.count(due).await == 1
    })
    .await;
    assert_eq!(receiver.count(), 1);
    let scheduler = worker_with(&world, "scheduler").await;
    world.until_status(late, "processed").await;
    assert_eq!(receiver.count(), 2);
    let released = ("tidings_scheduler_released_total", ["type=\"webhook\""]);
    assert_eq!(scheduler.metrics().await.sum(released.0, &released.1), 1);
    drop(worker);
}

#[tokio::test]
async fn many_due_notifications_are_each_sent_once_by_several_schedulers() {
    let (receiver, world) = world(&[("SCHEDULER_BATCH_SIZE", "20")]).await;
    let intake = worker_with(&world, "intake").await;
    let time = Timestamp::now() + SOON;
    let amqp = world.amqp().await;
    let all = (0..500).map(|_| amqp.intake_of(&webhook(&world, &receiver, at(time))));
    amqp.publish_all(all).await;
    world.until_recorded(500).await;
    let workers = tokio::join!(
        worker_with(&world, "scheduler,webhook"),
        worker_with(&world, "scheduler"),
        worker_with(&world, "scheduler"),
    );
    eventually(secs(60), "all are sent", async || {
        world.database.count("status = 'processed'").await == 500
    })
    .await;
    world.until_queues_are_empty().await;
    assert_eq!(receiver.count(), 500);
    drop((intake, workers));
}

/// As after the death of a scheduler between the lease and the end of its work: with and without a message.
#[tokio::test]
async fn what_a_dead_scheduler_has_leased_is_sent_once() {
    let (receiver, world) = world(&[]).await;
    let mut intake = worker_with(&world, "intake").await;
    let amqp = world.amqp().await;
    let time = Timestamp::now() + SignedDuration::from_secs(1);
    let ids = [(); 2].map(|()| webhook(&world, &receiver, at(time)));
    amqp.publish_all(ids.iter().map(|one| amqp.intake_of(one)))
        .await;
    world.until_recorded(2).await;
    intake.stop().await;
    // Both are leased, one of them with a message in its queue.
    let lease =
        "UPDATE notifications SET not_before = now(), release_until = now() + interval '3 seconds'";
    let leased = world
        .database
        .pool
        .run(async |client| Ok(client.execute(lease, &[]).await?));
    assert_eq!(leased.await.expect("leased"), 2);
    let settings = world.broker_settings(&[]);
    let stop = tokio_util::sync::CancellationToken::new();
    let (publisher, publishing) =
        tidings_broker::Publisher::start(settings.clone(), "tests", |_| {}, stop.clone());
    publisher.until_connected().await;
    let message = tidings_broker::MessageFactory::new(&settings).delivery_of_attempt(
        DeliveredChannel::Webhook,
        ids[0].message_id,
        0,
    );
    publisher.publish(message).await.expect("confirmed");
    stop.cancel();
    publishing.await.expect("its end");
    let _worker = world.worker().await;
    for one in &ids {
        world.until_status(one.message_id, "processed").await;
    }
    world.until_queues_are_empty().await;
    assert_eq!(receiver.count(), 2);
}

#[tokio::test]
async fn a_message_that_comes_before_the_new_time_of_its_row_ends_and_another_follows() {
    let (receiver, world) = world(&[]).await;
    let mut first = worker_with(&world, "intake,scheduler").await;
    let time = Timestamp::now() + SignedDuration::from_millis(500);
    let id = publish(&world, &webhook(&world, &receiver, at(time))).await;
    world.until_status(id, "pending").await;
    first.stop().await;
    let change =
        "UPDATE notifications SET status = 'scheduled', not_before = now() + interval '4 seconds'";
    let changed = world
        .database
        .pool
        .run(async |client| Ok(client.execute(change, &[]).await?));
    assert_eq!(changed.await.expect("changed"), 1);
    let mut delivery = worker_with(&world, "webhook").await;
    let amqp = world.amqp().await;
    let queue = amqp.settings.names.channel_queue(DeliveredChannel::Webhook);
    eventually(secs(20), "the worker has the message", async || {
        amqp.depth(&queue).await == 0
    })
    .await;
    delivery.stop().await;
    // A worker that stops requeues what it has not acknowledged.
    assert_eq!(amqp.depth(&queue).await, 0);
    assert_eq!(world.database.count("status = 'scheduled'").await, 1);
    assert_eq!(receiver.count(), 0);
    let _worker = worker_with(&world, "scheduler,webhook").await;
    world.until_status(id, "processed").await;
    assert_eq!(world.database.count("processed_at >= not_before").await, 1);
    assert_eq!(receiver.count(), 1);
}

#[tokio::test]
async fn a_message_that_waited_too_long_in_its_queue_is_not_sent() {
    let (receiver, world) = world(&[]).await;
    let mut intake = worker_with(&world, "intake").await;
    let window = DeliveryWindow {
        not_before: None,
        expires_at: Some(Timestamp::now() + SOON),
    };
    let id = publish(&world, &webhook(&world, &receiver, window)).await;
    world.until_status(id, "pending").await;
    intake.stop().await;
    let over = "expires_at <= now()";
    eventually(secs(20), "its time is over", async || {
        world.database.count(over).await == 1
    })
    .await;
    let _worker = worker_with(&world, "webhook").await;
    world.until_status(id, "expired").await;
    assert_eq!(receiver.count(), 0);
    assert_eq!(world.amqp().await.dead_letter_depth().await, 0);
}

#[tokio::test]
async fn an_expired_notification_is_recorded_and_never_sent() {
    let (receiver, world) = world(&[]).await;
    let _worker = world.worker().await;
    let window = DeliveryWindow {
        not_before: None,
        expires_at: Some(Timestamp::now() - SOON),
    };
    let expired = publish(&world, &webhook(&world, &receiver, window)).await;
    let sent = publish(
        &world,
        &webhook(&world, &receiver, DeliveryWindow::default()),
    )
    .await;
    world.until_status(expired, "expired").await;
    world.until_status(sent, "processed").await;
    let api = world.api().await;
    let found = api
        .client()
        .get(&format!("/api/notifications/{expired}"))
        .await;
    assert_eq!(found.body["decision"]["outcome"], "expire");
    assert_eq!(found.body["decision"]["rule"], "expiresAt");
    assert_eq!(receiver.count(), 1);
}
