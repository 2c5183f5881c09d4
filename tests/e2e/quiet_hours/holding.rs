use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;
use tidings_domain::notification::MessageId;
use tidings_tests::{Client, World, eventually, secs};

use super::{daily, patch, path};
use crate::delivery::sms;

/// A time zone without clock changes in which it is `hour` o'clock now.
pub(crate) fn zone_at(hour: i8) -> String {
    let utc = Timestamp::now().to_zoned(TimeZone::UTC).hour();
    match (hour - utc + 11).rem_euclid(24) - 11 {
        0 => "Etc/GMT".to_owned(),
        ahead @ 1.. => format!("Etc/GMT-{ahead}"),
        behind => format!("Etc/GMT+{}", behind.abs()),
    }
}

async fn post(client: &Client, world: &World, text: &str) -> MessageId {
    client.post(&sms(world, text)).await.accepted()
}

async fn until_held(world: &World, id: MessageId) {
    let held = format!(
        "message_id = '{id}' AND status = 'scheduled' AND reason = 'quiet_hours' AND not_before > now()"
    );
    eventually(secs(60), "it is held", async || {
        world.database.count(&held).await == 1
    })
    .await;
}

async fn update(world: &World, id: MessageId, change: &str) {
    let sql = format!("UPDATE notifications SET {change} WHERE message_id = '{id}'");
    let updated = world
        .database
        .pool
        .run(async |client| Ok(client.execute(&sql, &[]).await?));
    assert_eq!(updated.await.expect(&sql), 1);
}

#[tokio::test]
async fn quiet_hours_hold_text_messages_until_it_is_not_quiet_any_more() {
    let noon = zone_at(12);
    let settings = [
        ("WORKER_CHANNELS", "intake,scheduler,sms,email"),
        ("SCHEDULER_POLL_MS", "100"),
        ("DEFAULT_TIMEZONE", noon.as_str()),
    ];
    let world = World::with(&settings).await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let (client, path) = (api.client(), path(world.user));
    let quiet = json!({"quiet": daily("06:00", "18:00")});
    assert_eq!(patch(&client, &path, &quiet).await.status, 200);

    let [first, second, expiring] = [
        post(&client, &world, "first").await,
        post(&client, &world, "second").await,
        post(&client, &world, "expiring").await,
    ];
    for id in [first, second, expiring] {
        until_held(&world, id).await;
    }
    // E-mail is not held, unless the user chooses so.
    let email = json!({
        "targetUserId": world.user, "type": "email",
        "payload": {"to": "anna@example.com", "subject": "Your order", "text": "It has shipped!"},
    });
    let at_once = client.post(&email).await.accepted();
    world.until_status(at_once, "processed").await;
    let shown = client
        .get(&format!("/api/notifications/{first}"))
        .await
        .body;
    let decision = &shown["decision"];
    assert_eq!(decision["outcome"], "hold");
    assert_eq!(
        [&decision["reason"], &decision["rule"]],
        ["quiet_hours", "quiet"]
    );
    let until: Timestamp = decision["until"]
        .as_str()
        .expect("a time")
        .parse()
        .expect("a time");
    // From 18:00 on, within five minutes.
    let local = until.to_zoned(TimeZone::get(&noon).expect("a zone"));
    assert_eq!(local.hour(), 18, "{local}");
    assert!(local.minute() < 5, "{local}");

    // What expires while it waits ends.
    update(&world, expiring, "expires_at = now()").await;
    world.until_status(expiring, "expired").await;
    // The claim decides again: whatever makes the message come early, it is held again.
    update(&world, first, "not_before = now() - interval '1 second'").await;
    until_held(&world, first).await;
    let held = worker.metrics().await;
    assert_eq!(held.sum("tidings_quiet_hours_held_total", &["sms"]), 4);
    let untouched = "type = 'sms' AND retries_attempted = 0 AND processed_at IS NULL AND NOT EXISTS (
        SELECT FROM delivery_attempts WHERE delivery_attempts.message_id = notifications.message_id)";
    assert_eq!(world.database.count(untouched).await, 3);

    // In another zone it is midnight.
    let user = format!("/api/users/{}", world.user);
    let moved = patch(&client, &user, &json!({"timezone": zone_at(0)})).await;
    assert_eq!(moved.status, 200, "{}", moved.text);
    for id in [first, second] {
        world.until_status(id, "processed").await;
    }
    let third = post(&client, &world, "third").await;
    world.until_status(third, "processed").await;

    // Back to noon, and then the user gives quiet hours up.
    let back = patch(&client, &path, &json!({"timezone": noon})).await;
    assert_eq!(back.status, 200, "{}", back.text);
    let last = post(&client, &world, "last").await;
    until_held(&world, last).await;
    // An e-mail waits, too, if the user has chosen so.
    let channels = patch(&client, &path, &json!({"quietChannels": ["sms", "email"]})).await;
    assert_eq!(channels.status, 200, "{}", channels.text);
    let chosen = client.post(&email).await.accepted();
    until_held(&world, chosen).await;
    let none = patch(&client, &path, &json!({"quiet": []})).await;
    assert_eq!(none.status, 200, "{}", none.text);
    for id in [last, chosen] {
        world.until_status(id, "processed").await;
    }
    let attempts = "status = 'processed' AND type = 'sms' AND retries_attempted = 0 AND 1 = (
        SELECT count(*) FROM delivery_attempts WHERE delivery_attempts.message_id = notifications.message_id)";
    assert_eq!(world.database.count(attempts).await, 4);
}
