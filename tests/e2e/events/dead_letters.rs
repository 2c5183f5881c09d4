//! Wrong events become dead letters that say what is wrong.

use serde_json::json;
use tidings_broker::{DeadLetter, EventKind, Stage};
use tidings_tests::{ProgramKind, World, eventually, secs};
use uuid::Uuid;

use super::{STAGES, event, event_with_id, until_recorded, with_key};

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of events")]
async fn a_wrong_event_becomes_a_dead_letter_that_names_every_problem() {
    let world = World::with(&[STAGES, ("MAX_BODY_BYTES", "1024")]).await;
    let worker = world.worker().await;
    let amqp = world.amqp().await;
    let (email, notification) = ("email.send", "notification.send");
    let url = json!({
        "targetUserId": world.user,
        "type": "webhook",
        "payload": {"event": "e", "data": 1, "to": "https://127.0.0.1/hook"},
    });
    let mut late = world.in_app();
    late["sendAt"] = "9999-01-01T00:00:00Z".into();
    let mut of_no_category = world.in_app();
    of_no_category["category"] = "gone".into();
    let sql = "INSERT INTO categories (name, kind) VALUES ('unlinked', 'marketing')";
    let created = world
        .database
        .pool
        .run(async |client| Ok(client.execute(sql, &[]).await?));
    created.await.expect("a category");
    let marketing = json!({
        "targetUserId": world.user,
        "type": "email",
        "category": "unlinked",
        "payload": {"subject": "News", "text": "There is news."},
    });
    let large = json!({"recipient": "a@example.com", "subject": "a", "body": "b".repeat(1024)});
    let cases = [
        (
            event_with_id(
                &amqp,
                email,
                &json!({"recipient": "anna", "subject": 7, "text": ""}),
                "two words",
            ),
            "invalid_request",
            &[
                "body is required",
                "recipient must be",
                "subject must be",
                "text is not",
                "message_id must be",
            ][..],
        ),
        (
            with_key(
                event(
                    &amqp,
                    notification,
                    &json!({"type": "pigeon", "payload": {}}),
                ),
                "a b",
            ),
            "invalid_request",
            &[
                "targetUserId is required",
                "type must be",
                "x-idempotency-key must be",
            ],
        ),
        (
            event(&amqp, notification, &json!([])),
            "invalid_json",
            &["JSON object"],
        ),
        (
            event(&amqp, notification, &url),
            "invalid_fields",
            &["payload.to must lead"],
        ),
        (
            event(&amqp, notification, &late),
            "send_at_too_far",
            &["sendAt must be"],
        ),
        (
            event(&amqp, notification, &of_no_category),
            "unknown_category",
            &["no category gone"],
        ),
        (
            event(&amqp, notification, &marketing),
            "unsubscribe_url_missing",
            &["payload.unsubscribeUrl is required"],
        ),
        (
            event(&amqp, email, &large),
            "payload_too_large",
            &["1024 bytes"],
        ),
        // There is no such event.
        (
            event(&amqp, "user.create", &json!({"user_id": world.user})),
            "unrouted",
            &[],
        ),
        (
            event(&amqp, "user.delete", &json!({"user_id": "anna"})),
            "invalid_fields",
            &["user_id"],
        ),
        (
            event(&amqp, "user.delete", &json!({"user_id": Uuid::nil()})),
            "unknown_user",
            &[],
        ),
    ];
    amqp.publish_all(cases.iter().map(|(event, ..)| event.clone()))
        .await;
    let all = u32::try_from(cases.len()).expect("few");
    eventually(secs(20), "all are dead letters", async || {
        amqp.dead_letter_depth().await == all
    })
    .await;
    let letters = amqp.dead_letters().await;
    for (event, reason, problems) in &cases {
        let same = |letter: &&DeadLetter| letter.body == event.body;
        let letter = letters.iter().find(same).expect("the body as published");
        assert_eq!(&letter.reason, reason, "{letter:?}");
        let stage = EventKind::from_routing_key(&event.routing_key).map(Stage::Event);
        assert_eq!(letter.stage, stage, "{letter:?}");
        let detail = letter.detail.clone().unwrap_or_default();
        for problem in *problems {
            assert!(detail.contains(problem), "{problem}: {detail}");
        }
    }
    assert_eq!(world.database.count("true").await, 0);
    // A detail may quote what the event says.
    assert_eq!(worker.logs().count("pigeon"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_of_an_event_is_replayed_once_under_its_key() {
    let world = World::with(&[STAGES]).await;
    let mut event_body = world.in_app();
    event_body["type"] = "sms".into();
    event_body["payload"] = json!({"text": "Hi"});
    let off = [("SMS_PROVIDER", "")];
    let mut worker = world.start(ProgramKind::Worker, &off).await;
    let amqp = world.amqp().await;
    let kind = "notification.send";
    let sms = with_key(event(&amqp, kind, &event_body), "order-1");
    amqp.publish_all([sms, event(&amqp, kind, &json!({}))])
        .await;
    eventually(secs(20), "both are dead letters", async || {
        amqp.dead_letter_depth().await == 2
    })
    .await;
    worker.stop().await;
    let _worker = world.worker().await;
    let replayed = world.tidings(&[
        "dlq",
        "replay",
        "--from-queue",
        "--channel",
        "events.notification.send",
    ]);
    // The other one can never succeed.
    assert_eq!(replayed.status.code(), Some(1), "{replayed:?}");
    let shown = String::from_utf8_lossy(&replayed.stdout).into_owned();
    assert!(shown.contains("Replayed 1 dead letter of 2"), "{shown}");
    until_recorded(&world, 1, "type = 'sms' AND fingerprint IS NOT NULL").await;
    // The connection of the tool is gone only some time after the tool.
    eventually(secs(20), "the other one remains", async || {
        amqp.dead_letter_depth().await == 1
    })
    .await;
}
