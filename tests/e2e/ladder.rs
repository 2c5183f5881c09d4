//! A message that may succeed later is retried on the ladder.

use std::time::{Duration, Instant};

use tidings_broker::{DeadLetter, Stage};
use tidings_domain::notification::{Notification, UserId};
use tidings_tests::{Amqp, Probe, Program, World, eventually, secs};
use uuid::Uuid;

/// A notification for a user that does not exist, and that user's id.
fn orphan(world: &World) -> (Notification, UserId) {
    let user_id = UserId::from(Uuid::now_v7());
    let orphan = Notification {
        user_id: Some(user_id),
        ..world.wire()
    };
    (orphan, user_id)
}

async fn dead_letter(amqp: &Amqp, limit: Duration) -> DeadLetter {
    eventually(limit, "a dead letter", async || {
        amqp.dead_letter_depth().await == 1
    })
    .await;
    amqp.dead_letters().await.remove(0)
}

async fn retries(worker: &Program) -> u64 {
    let scrape = worker.metrics().await;
    scrape.sum("tidings_messages_retried_total", &["unknown_user"])
}

#[tokio::test]
async fn a_message_for_an_unknown_user_is_retried_with_growing_delays_and_becomes_a_dead_letter() {
    let world = World::with(&[("RETRY_BASE_DELAY_MS", "400"), ("RETRY_MULTIPLIER", "2")]).await;
    let amqp = world.declared(&[]).await;
    let probe = Probe::bind(&amqp, "intake").await;
    let mut worker = world.worker().await;
    let (notification, _) = orphan(&world);
    let published = Instant::now();
    amqp.publish(amqp.intake_of(&notification)).await;

    let letter = dead_letter(&amqp, secs(60)).await;
    assert_eq!(letter.reason, "unknown_user");
    assert!(letter.detail.is_some_and(|detail| !detail.is_empty()));
    assert!(letter.failed_at.is_some());
    assert_eq!(letter.attempts, Some(4), "the first and MAX_RETRIES more");
    assert_eq!(letter.stage, Some(Stage::Intake));
    assert_eq!(letter.message_id, Some(notification.message_id.to_string()));
    assert_eq!(letter.body, notification.encode());

    let all = ["attempt.0", "attempt.1", "attempt.2", "attempt.3"];
    eventually(secs(10), "the probe has the copies", async || {
        probe.attempts() == all
    })
    .await;
    // From the publish, because a copy for the probe may arrive late.
    for (arrival, delays) in probe.arrivals().iter().zip([0, 400, 1200, 2800]) {
        let took = arrival.at - published;
        assert!(
            took >= Duration::from_millis(delays),
            "{took:?} < {delays} ms"
        );
    }
    assert_eq!(retries(&worker).await, 3);
    worker.stop().await;
    assert_eq!(amqp.intake_depth().await, 0);
    assert_eq!(world.database.count("true").await, 0);
}

#[tokio::test]
async fn a_retry_succeeds_once_the_user_exists() {
    let world = World::with(&[("RETRY_BASE_DELAY_MS", "3000")]).await;
    let amqp = world.declared(&[]).await;
    let probe = Probe::bind(&amqp, "intake").await;
    let worker = world.worker().await;
    let (notification, user) = orphan(&world);
    amqp.publish(amqp.intake_of(&notification)).await;
    eventually(secs(20), "the first attempt fails", async || {
        retries(&worker).await == 1
    })
    .await;
    world.database.make_user(user).await;
    eventually(secs(20), "the notification is processed", async || {
        world.database.count("status = 'processed'").await == 1
    })
    .await;
    let both = ["attempt.0", "attempt.1"];
    eventually(secs(10), "the probe has the copies", async || {
        probe.attempts() == both
    })
    .await;
    assert_eq!(retries(&worker).await, 1);
    assert_eq!(amqp.dead_letter_depth().await, 0);
}

#[tokio::test]
async fn without_retries_a_failure_becomes_a_dead_letter_and_a_replay_processes_it() {
    let world = World::with(&[("MAX_RETRIES", "0")]).await;
    let amqp = world.declared(&[]).await;
    let mut worker = world.worker().await;
    let (notification, user) = orphan(&world);
    amqp.publish(amqp.intake_of(&notification)).await;
    let letter = dead_letter(&amqp, secs(20)).await;
    assert_eq!(letter.attempts, Some(1));

    world.database.make_user(user).await;
    let replayed = world.tidings(&["dlq", "replay", "--from-queue", "--all"]);
    assert!(replayed.status.success(), "{replayed:?}");
    eventually(secs(20), "the notification is processed", async || {
        let condition = format!(
            "status = 'processed' AND message_id = '{}'",
            notification.message_id
        );
        world.database.count(&condition).await == 1
    })
    .await;
    assert_eq!(amqp.dead_letter_depth().await, 0);
    worker.stop().await;
    assert_eq!(amqp.intake_depth().await, 0);
}
