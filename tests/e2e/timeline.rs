//! What has happened to a notification, and its payload.

use serde_json::{Value, json};
use tidings_tests::{World, tokens};
use uuid::Uuid;

use crate::audit::execute;

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "three notifications, step by step")]
async fn the_timeline_shows_each_step_and_what_happens_next() {
    let (world, api) = World::shared().await;
    let ids: Vec<Uuid> = (0..3).map(|_| Uuid::now_v7()).collect();
    let [retrying, failed, held] = ids[..] else {
        panic!("three");
    };
    let user = world.user;
    let sql = format!(
        "INSERT INTO notifications (id, message_id, user_id, type, status, payload, created_at, retries_attempted,
                                    error_message, failure_reason, failed_at, reason, not_before, sender, replayed_at)
         VALUES (gen_random_uuid(), '{retrying}', '{user}', 'email', 'retrying',
                 '{{\"to\": \"anna@example.com\", \"subject\": \"s\", \"text\": \"secret\"}}', '2026-11-01T12:00:00Z', 2,
                 'timeout', NULL, NULL, NULL, NULL, 'shop', NULL),
                (gen_random_uuid(), '{failed}', '{user}', 'sms', 'failed', '{{\"text\": \"t\"}}', '2026-11-01T12:00:00Z', 1,
                 'no such number', 'provider_rejected', '2026-11-01T12:10:00Z', NULL, NULL, NULL, '2026-11-01T12:05:00Z'),
                (gen_random_uuid(), '{held}', '{user}', 'sms', 'scheduled', '{{\"text\": \"t\"}}', '2026-11-01T12:00:00Z', 0,
                 NULL, NULL, NULL, 'quiet_hours', '2099-01-01T00:00:00Z', NULL, NULL);
         INSERT INTO delivery_attempts (message_id, attempt, provider, started_at, duration_ms, outcome, error,
                                        provider_reference, contact_id, template_name, template_locale, template_version)
         VALUES ('{retrying}', 0, 'smtp', '2026-11-01T12:00:01Z', 500, 'failed', 'timeout', NULL, NULL, 'welcome', 'de', 3),
                ('{retrying}', 1, 'smtp', '2026-11-01T12:00:03Z', 1000, 'failed', 'timeout', NULL, NULL, NULL, NULL, NULL),
                ('{failed}', 0, 'twilio', '2026-11-01T12:06:00Z', 10, 'rejected', 'no such number', 'SM1',
                 '{user}', NULL, NULL, NULL)"
    );
    execute(&world.database.pool, &sql).await.expect("rows");
    let operator = tokens::scoped(Uuid::now_v7().into(), "dashboard");
    let client = api.client().with_token(operator);
    let timeline = async |id: Uuid| {
        let answer = client
            .get(&format!("/api/notifications/{id}/timeline"))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(!answer.text.contains("anna") && !answer.text.contains("secret"));
        answer.body
    };
    let codes = |timeline: &Value| -> Vec<String> {
        let steps = timeline["steps"].as_array().expect("steps").iter();
        steps
            .map(|step| step["code"].as_str().expect("a code").to_owned())
            .collect()
    };

    let shown = timeline(retrying).await;
    assert_eq!(
        codes(&shown),
        ["accepted", "recorded", "attempt", "attempt"]
    );
    let attempts = [&shown["steps"][2]["attempt"], &shown["steps"][3]["attempt"]];
    for (attempt, field, value) in [
        (0, "waitedMs", json!(1000)),
        (0, "durationMs", json!(500)),
        (0, "provider", json!("smtp")),
        (0, "address", json!("a***@example.com")),
        (0, "outcome", json!("failed")),
        (0, "error", json!("timeout")),
        (
            0,
            "template",
            json!({"name": "welcome", "locale": "de", "version": 3}),
        ),
        (1, "attempt", json!(1)),
        (1, "waitedMs", json!(1500)),
    ] {
        assert_eq!(attempts[attempt][field], value, "{field}");
    }
    assert_eq!(shown["sender"], "shop");
    // The second rung is 5 s.
    let next = json!({"code": "retry", "text": "It is tried again", "at": "2026-11-01T12:00:09Z"});
    assert_eq!(shown["next"], next);

    let shown = timeline(failed).await;
    assert_eq!(
        codes(&shown),
        ["accepted", "recorded", "replayed", "attempt", "failed"]
    );
    let attempt = &shown["steps"][3]["attempt"];
    assert_eq!(
        (&attempt["address"], &attempt["waitedMs"]),
        (&Value::Null, &json!(60_000))
    );
    assert_eq!(attempt["providerReference"], "SM1");
    let end = &shown["steps"][4];
    assert_eq!(
        (&end["reason"], &end["error"], &end["at"]),
        (
            &json!("provider_rejected"),
            &json!("no such number"),
            &json!("2026-11-01T12:10:00Z")
        )
    );
    assert_eq!(shown["next"]["code"], "dead_letter");

    let shown = timeline(held).await;
    assert_eq!(codes(&shown), ["accepted", "recorded", "held"]);
    assert_eq!(shown["steps"][2]["reason"], "quiet_hours");
    assert_eq!(
        (&shown["next"]["code"], &shown["next"]["at"]),
        (&json!("wait"), &json!("2099-01-01T00:00:00Z"))
    );

    for (scope, status) in [("templates:write", 403), ("notifications:read", 404)] {
        let other = client.with_token(tokens::scoped(Uuid::now_v7().into(), scope));
        for tail in ["timeline", "payload"] {
            let answer = other
                .get(&format!("/api/notifications/{held}/{tail}"))
                .await;
            assert_eq!(answer.status, status, "{scope} {tail}");
        }
    }
}

#[tokio::test]
async fn each_reading_of_a_payload_by_an_operator_is_in_the_audit_log() {
    let world = World::new().await;
    let api = world.api().await;
    let (plain, sensitive) = (Uuid::now_v7(), Uuid::now_v7());
    let sql = format!(
        "INSERT INTO notifications (id, message_id, user_id, type, status, payload, created_at, sensitive)
         VALUES (gen_random_uuid(), '{plain}', '{user}', 'sms', 'pending', '{{\"text\": \"hello\"}}', now(), NULL),
                (gen_random_uuid(), '{sensitive}', '{user}', 'sms', 'pending', '{{\"text\": \"4711\"}}', now(), true)",
        user = world.user
    );
    execute(&world.database.pool, &sql).await.expect("rows");
    let operator = Uuid::now_v7();
    let dashboard = api
        .client()
        .with_token(tokens::scoped(operator.into(), "dashboard"));
    let own = api
        .client()
        .with_token(tokens::scoped(world.user, "notifications:read"));
    let entries = async || {
        let answer = api
            .client()
            .get("/api/audit?action=notification.payload")
            .await;
        answer.body["entries"].as_array().expect("entries").clone()
    };
    for (client, id, payload, count) in [
        (&own, plain, json!({"text": "hello"}), 0),
        (&dashboard, plain, json!({"text": "hello"}), 1),
        (&api.client(), plain, json!({"text": "hello"}), 2),
        (&dashboard, sensitive, Value::Null, 3),
    ] {
        let answer = client
            .get(&format!("/api/notifications/{id}/payload"))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.body["payload"], payload);
        assert_eq!(answer.body["payloadHidden"], payload.is_null());
        assert_eq!(entries().await.len(), count);
    }
    let missing = dashboard
        .get(&format!("/api/notifications/{operator}/payload"))
        .await;
    assert_eq!((missing.status, entries().await.len()), (404, 3));
    let id = plain.to_string();
    let shown = world.tidings(&["--json", "notifications", "payload", &id]);
    let shown: Value = serde_json::from_slice(&shown.stdout).expect("JSON");
    assert_eq!(shown["payload"]["text"], "hello");
    let entries = entries().await;
    assert_eq!(
        (entries.len(), &entries[0]["target"]["id"]),
        (4, &json!(id))
    );
    assert_eq!(entries[1]["actor"]["id"], operator.to_string());
    let shown = world.tidings(&["notifications", "show", &id]);
    let shown = String::from_utf8(shown.stdout).expect("UTF-8");
    assert!(shown.contains("next: It waits for a worker"), "{shown}");
}
