//! Dead letters of sensitive notifications: they can be replayed for some hours, and nobody sees their payload.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tidings_broker::raw::types::{AMQPValue, FieldTable};
use tidings_domain::content::TemplateRef;
use tidings_domain::notification::{Channel, MessageId, Notification, UserId};
use tidings_tests::{Amqp, AmqpMessage, World, eventually, secs};
use uuid::Uuid;

use super::{SECRET, erased};
use crate::retention::{execute, tidings};

fn notification(world: &World, user: UserId) -> Notification {
    let payload = json!({"text": SECRET, "to": "+4915112345678"}).to_string();
    Notification {
        user_id: Some(user),
        channel: Channel::Sms,
        payload: serde_json::value::RawValue::from_string(payload).expect("JSON"),
        sensitive: true,
        ..world.wire()
    }
}

/// A dead letter of the intake that failed `hours` ago.
fn letter(amqp: &Amqp, of: &Notification, hours: i64) -> AmqpMessage {
    let mut headers = FieldTable::default();
    let failed_at = Timestamp::now() - SignedDuration::from_hours(hours);
    for (name, value) in [
        ("channel", "intake".to_owned()),
        ("x-failure-reason", "unknown_user".to_owned()),
        ("x-failed-at", failed_at.to_string()),
    ] {
        headers.insert(name.into(), AMQPValue::LongString(value.into()));
    }
    let message = amqp.intake_of(of);
    AmqpMessage {
        exchange: String::new(),
        routing_key: amqp.settings.names.dlq.clone(),
        properties: message.properties.with_headers(headers),
        ..message
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dead_letter_of_a_worker_is_hidden_and_expires() {
    let world = World::with(&[("MAX_RETRIES", "0")]).await;
    let amqp = world.declared(&[]).await;
    let worker = world.worker().await;
    let orphan = notification(&world, Uuid::now_v7().into());
    amqp.publish(amqp.intake_of(&orphan)).await;
    eventually(secs(60), "a dead letter", async || {
        amqp.dead_letter_depth().await == 1
    })
    .await;
    let id = orphan.message_id.to_string();
    let mut last = String::new();
    for arguments in [
        &["dlq", "list"][..],
        &["dlq", "show", &id],
        &["--json", "dlq", "show", &id],
    ] {
        // RabbitMQ returns the letter to its queue some time after the last look at it.
        eventually(secs(20), "the letter is shown", async || {
            let output = world.tidings(arguments);
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(!text.contains(SECRET), "{text}");
            last = text;
            last.contains(&id)
        })
        .await;
    }
    let shown: Value = serde_json::from_str(&last).expect("JSON");
    let body = &shown["deadLetters"][0]["body"];
    assert_eq!(
        (&body["payload"], &body["payloadHidden"]),
        (&json!(null), &json!(true))
    );
    assert_eq!(worker.logs().count(SECRET), 0);
    eventually(secs(20), "the letter is back", async || {
        amqp.dead_letter_depth().await == 1
    })
    .await;
    // The broker itself drops it after SENSITIVE_REPLAY_HOURS.
    let raw = amqp.drain(&amqp.settings.names.dlq).await.remove(0);
    let expiration = raw
        .properties
        .expiration()
        .as_ref()
        .map(ToString::to_string);
    assert_eq!(expiration.as_deref(), Some("86400000"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_is_replayed_with_its_payload_until_its_hours_are_over() {
    let world = World::new().await;
    let amqp = world.declared(&[]).await;
    let young = notification(&world, world.user);
    let plain = Notification {
        sensitive: false,
        message_id: MessageId::generate(),
        ..young.clone()
    };
    let old = notification(&world, world.user);
    for (of, hours) in [(&plain, 25), (&old, 25), (&young, 23)] {
        amqp.publish(letter(&amqp, of, hours)).await;
    }
    let (_, swept) = tidings(&world, &["retention", "run"]);
    assert_eq!(swept["deadLetters"]["removed"], 1, "{swept}");
    eventually(secs(20), "two are left", async || {
        amqp.dead_letter_depth().await == 2
    })
    .await;
    let (_, replayed) = tidings(&world, &["dlq", "replay", "--from-queue", "--all"]);
    assert_eq!(replayed["replayed"], 2, "{replayed}");
    let _worker = world.worker().await;
    for id in [young.message_id, plain.message_id] {
        world.until_status(id, "pending").await;
    }
    let whole = format!("payload ->> 'text' = '{SECRET}'");
    assert_eq!(world.database.count(&whole).await, 2);
    assert_eq!(world.database.count("sensitive").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_row_of_a_failed_notification_keeps_its_payload_for_the_same_time() {
    let world = World::new().await;
    let amqp = world.declared(&[]).await;
    let [old, young] = [(); 2].map(|()| notification(&world, world.user));
    let client = world
        .database
        .pool
        .dedicated_client()
        .await
        .expect("a connection");
    let recorded = tidings_db::notifications::insert_batch(&*client, &[&old, &young]).await;
    assert_eq!(recorded.expect("recorded").len(), 2);
    let fail = format!(
        "UPDATE notifications SET status = 'failed';
         UPDATE notifications SET ended_at = now() - interval '25 hours' WHERE message_id = '{}'",
        old.message_id
    );
    execute(&world.database, &fail).await;
    let (_, swept) = tidings(&world, &["retention", "run"]);
    assert_eq!(swept["sensitivePayloads"], 1, "{swept}");
    assert_eq!(erased(&world, "status = 'failed'").await, 1);
    let (_, replayed) = tidings(
        &world,
        &["dlq", "replay", "--from-queue", "--all", "--rows"],
    );
    let ids = json!([young.message_id.to_string()]);
    assert_eq!(replayed["replayedRows"], ids, "{replayed}");
    assert_eq!(amqp.dead_letter_depth().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_in_app_notification_that_has_expired_is_erased_by_the_sweep() {
    let world = World::new().await;
    let _ = world.declared(&[]).await;
    let one = Notification {
        channel: Channel::InApp,
        ..notification(&world, world.user)
    };
    let client = world
        .database
        .pool
        .dedicated_client()
        .await
        .expect("a connection");
    let recorded = tidings_db::notifications::insert_batch(&*client, &[&one]).await;
    recorded.expect("recorded");
    let expires = "UPDATE notifications SET expires_at = now() + interval '1 hour'";
    execute(&world.database, expires).await;
    let (_, swept) = tidings(&world, &["retention", "run"]);
    assert_eq!(swept["sensitivePayloads"], 0);
    execute(
        &world.database,
        "UPDATE notifications SET expires_at = now()",
    )
    .await;
    let (_, swept) = tidings(&world, &["retention", "run"]);
    assert_eq!(swept["sensitivePayloads"], 1);
    assert_eq!(erased(&world, "status = 'processed'").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_with_a_sensitive_template_is_hidden() {
    let world = World::new().await;
    let amqp = world.declared(&[]).await;
    let template = |name: &str| {
        Some(TemplateRef {
            name: name.to_owned(),
            locale: None,
        })
    };
    let sql = "INSERT INTO templates (id, name, channel, locale, version, text, sensitive)
               VALUES (gen_random_uuid(), 'login-code', 'sms', 'default', 1, '{{ text }}', true),
                      (gen_random_uuid(), 'hello', 'sms', 'default', 1, '{{ text }}', false)";
    execute(&world.database, sql).await;
    for (name, hidden) in [("login-code", true), ("hello", false)] {
        let one = Notification {
            template: template(name),
            sensitive: false,
            ..notification(&world, world.user)
        };
        amqp.publish(letter(&amqp, &one, 25)).await;
        let (_, shown) = tidings(&world, &["dlq", "show", &one.message_id.to_string()]);
        let body = &shown["deadLetters"][0]["body"];
        assert_eq!(body["payload"].is_null(), hidden, "{shown}");
    }
    let (_, swept) = tidings(&world, &["retention", "run"]);
    assert_eq!(swept["deadLetters"]["removed"], 1, "{swept}");
}
