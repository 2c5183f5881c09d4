//! Retention of dead letters: of their queue, and of the rows of failed notifications.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tidings_broker::raw::types::AMQPValue;
use tidings_broker::{DeadLetterQueue, Envelope, Failure, MessageFactory};
use tidings_domain::notification::{DeliveredChannel, MessageId};
use tidings_tests::{Amqp, AmqpMessage, ProgramKind, World, eventually, secs};

use super::{execute, insert_one, tidings, tidings_with};

/// A dead letter of the delivery of `id` that failed `days` ago.
fn letter(amqp: &Amqp, id: MessageId, days: i64) -> AmqpMessage {
    let factory = MessageFactory::new(&amqp.settings);
    let sent = factory.delivery(DeliveredChannel::Email, id, None);
    let envelope = Envelope::new(
        sent.routing_key().as_str(),
        sent.properties().clone(),
        sent.body().into(),
    );
    let dead = factory.dead_letter(&envelope, &Failure::new("told_to", "told to"));
    let mut headers = dead.properties().headers().clone().unwrap_or_default();
    let failed_at = Timestamp::now() - SignedDuration::from_hours(24 * days);
    headers.insert(
        "x-failed-at".into(),
        AMQPValue::LongString(failed_at.to_string().into()),
    );
    AmqpMessage {
        exchange: String::new(),
        routing_key: dead.routing_key().to_string(),
        properties: dead.properties().clone().with_headers(headers),
        body: dead.body().into(),
    }
}

async fn ids(amqp: &Amqp) -> Vec<String> {
    let letters = amqp.drain(&amqp.settings.names.dlq).await;
    let ids = letters
        .iter()
        .map(|letter| letter.properties.message_id().clone());
    ids.map(|id| id.expect("an id").to_string()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_dead_letters_leave_the_queue_and_the_others_keep_their_order() {
    let world = World::new().await;
    let amqp = world.declared(&[]).await;
    let letters: Vec<(MessageId, i64)> = (0..300)
        .map(|n| (MessageId::generate(), if n % 3 == 0 { 31 } else { 29 }))
        .collect();
    // One after the other, because the order matters.
    for (id, days) in &letters {
        amqp.publish(letter(&amqp, *id, *days)).await;
    }
    let (_, rehearsed) = tidings(&world, &["retention", "run", "--dry-run"]);
    assert_eq!(rehearsed["deadLetters"]["removed"], 100, "{rehearsed}");
    eventually(secs(20), "nothing is removed", async || {
        amqp.dead_letter_depth().await == 300
    })
    .await;
    let (code, report) = tidings(&world, &["retention", "run"]);
    assert_eq!(code, Some(0));
    let expected = json!({"total": 300, "read": 300, "removed": 100, "left": {"told_to": 200}});
    assert_eq!(report["deadLetters"], expected);
    eventually(secs(20), "the others are back", async || {
        amqp.dead_letter_depth().await == 200
    })
    .await;
    let kept = letters.iter().filter(|(_, days)| *days == 29);
    let kept: Vec<String> = kept.map(|(id, _)| id.to_string()).collect();
    assert_eq!(ids(&amqp).await, kept);
}

/// One names the user in its body. The other is a delivery, and its row names the user.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_of_erased_users_leave_the_queue() {
    let world = World::new().await;
    let amqp = world.declared(&[]).await;
    let (db, erased, other) = (&world.database, world.user, world.database.user().await);
    let (gone, kept) = (
        insert_one(db, erased, "failed", 1).await,
        insert_one(db, other, "failed", 1).await,
    );
    for id in [gone, kept] {
        amqp.publish(letter(&amqp, id, 1)).await;
    }
    for user in [erased, other] {
        let body = json!({"targetUserId": user, "type": "email", "payload": {"text": "secret"}});
        amqp.publish(AmqpMessage {
            body: body.to_string().into_bytes(),
            ..letter(&amqp, MessageId::generate(), 1)
        })
        .await;
    }
    let (_, before) = tidings(&world, &["retention", "run"]);
    assert_eq!(before["deadLetters"]["removed"], 0, "{before}");
    let erase = format!("UPDATE users SET erased_at = now() WHERE id = '{erased}'");
    execute(db, &erase).await;
    eventually(secs(20), "they are back in the queue", async || {
        amqp.dead_letter_depth().await == 4
    })
    .await;
    for arguments in [
        &["retention", "run", "--dry-run"][..],
        &["retention", "run"],
    ] {
        let (_, report) = tidings(&world, arguments);
        let expected = json!({"total": 4, "read": 4, "removed": 2, "left": {"told_to": 2}});
        assert_eq!(report["deadLetters"], expected);
        let left = if arguments.len() == 3 { 4 } else { 2 };
        eventually(secs(20), "the others are back", async || {
            amqp.dead_letter_depth().await == left
        })
        .await;
    }
    assert!(ids(&amqp).await.contains(&kept.to_string()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn for_ever_means_that_no_dead_letter_is_removed() {
    let world = World::new().await;
    let amqp = world.declared(&[]).await;
    amqp.publish(letter(&amqp, MessageId::generate(), 5000))
        .await;
    let for_ever = [("RETENTION_DEAD_LETTER_DAYS", "0")];
    let (_, report) = tidings_with(&world, &for_ever, &["retention", "run"]);
    let letters = &report["deadLetters"];
    assert_eq!(
        (&letters["removed"], &letters["read"]),
        (&json!(0), &json!(1))
    );
}

/// Each of the two programs would see only a part of the dead letters.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_queue_is_left_alone_while_another_program_reads_it() {
    let world = World::new().await;
    let amqp = world.declared(&[]).await;
    amqp.publish(letter(&amqp, MessageId::generate(), 31)).await;
    let reader = DeadLetterQueue::open(&amqp.connection, &amqp.settings.names.dlq).await;
    let reader = reader.expect("open");
    let held = reader.next().await.expect("readable");
    amqp.publish(letter(&amqp, MessageId::generate(), 31)).await;
    let output = world.tidings(&["--json", "retention", "run"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    // The reader has taken the second one too, so the queue may look empty.
    let removed = report["deadLetters"]["removed"].as_u64().unwrap_or(0);
    assert_eq!(removed, 0, "{report}");
    drop(held);
    reader.close().await.expect("closed");
    eventually(secs(20), "both are removed by the next sweep", async || {
        let _ = tidings(&world, &["retention", "run"]);
        amqp.dead_letter_depth().await == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notification_without_payload_is_not_replayed() {
    let world = World::new().await;
    let amqp = world.declared(&[]).await;
    let (db, user) = (&world.database, world.user);
    let old = insert_one(db, user, "failed", 31).await;
    let young = insert_one(db, user, "failed", 29).await;
    let _ = tidings(&world, &["retention", "run"]);
    // A second dead letter of the same notification, which failed again later.
    amqp.publish(letter(&amqp, old, 1)).await;
    amqp.publish(letter(&amqp, young, 1)).await;
    let (code, report) = tidings(
        &world,
        &["dlq", "replay", "--from-queue", "--all", "--rows"],
    );
    assert_eq!(code, Some(1), "one dead letter is left");
    assert_eq!(
        (&report["replayed"], &report["left"]),
        (&json!(1), &json!(1)),
        "{report}"
    );
    let letters = report["deadLetters"].as_array().expect("dead letters");
    let left = letters
        .iter()
        .find(|one| one["outcome"] == "left")
        .expect("one");
    assert_eq!(left["skippedReason"], "payload_removed");
    assert_eq!(left["messageId"], old.to_string());
    world.until_status(young, "pending").await;
    world.until_status(old, "failed").await;
    let text = world.tidings(&["dlq", "replay", "--from-queue", "--all", "--dry-run"]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("the payload is erased"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_line_says_how_many_dead_letters_there_are_by_reason() {
    let world = World::new().await;
    let amqp = world.declared(&[]).await;
    for days in [1, 2, 31] {
        amqp.publish(letter(&amqp, MessageId::generate(), days))
            .await;
    }
    let scheduler = [("WORKER_CHANNELS", "scheduler")];
    let worker = world.start(ProgramKind::Worker, &scheduler).await;
    let message = "there are dead letters; `tidings dlq list` shows them";
    eventually(secs(60), "the line", async || {
        !worker.logs().with_message(message).is_empty()
    })
    .await;
    let line = worker.logs().with_message(message).remove(0);
    assert_eq!(line["deadLetters"], 2, "{line}");
    assert_eq!(
        (&line["byReason"], &line["removed"]),
        (&json!("told_to=2"), &json!(1)),
        "{line}"
    );
}
