//! Log lines are flat JSON without secrets.

use jiff::Timestamp;
use rstest::rstest;
use serde_json::{Value, json};
use tidings_domain::notification::{Channel, Notification};
use tidings_tests::{Program, ProgramKind, World, eventually, notification, secs, tokens};
use uuid::Uuid;

const MARK: &str = "marker-93b1f0";

fn assert_is_a_log_entry(line: &str, service: &str) {
    let entry: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
    let members = entry.as_object().expect("an object");
    for (name, value) in members {
        assert!(
            !value.is_object() && !value.is_array(),
            "{name} is not flat: {line}"
        );
        assert!(
            !name.contains('_') && !name.contains('.'),
            "{name} is no camelCase: {line}"
        );
    }
    let timestamp = entry["timestamp"].as_str().expect("a timestamp");
    assert!(timestamp.parse::<Timestamp>().is_ok(), "{line}");
    let level = entry["level"].as_str().expect("a level");
    assert!(
        ["error", "warn", "info", "debug", "trace"].contains(&level),
        "{line}"
    );
    assert_eq!(entry["service"], service, "{line}");
    assert!(
        entry["message"]
            .as_str()
            .is_some_and(|message| !message.is_empty()),
        "{line}"
    );
}

/// Posts notifications with a marked payload that are recorded, delivered, refused, retried and dead-lettered.
async fn produce_log_lines(world: &World, api: &Program, token: &str) {
    let client = api.client().with_token(token);
    let orphan = Notification {
        user_id: Some(Uuid::now_v7().into()),
        ..world.wire()
    };
    for channel in [Channel::InApp, Channel::Email] {
        let mut body = notification(world.user, channel);
        body["payload"]["to"] = json!(format!("{MARK}@example.com"));
        body["payload"]["text"] = json!(MARK);
        let key = format!("{MARK}-{channel}");
        let _ = client.post_with_key(&body, &key).await.accepted();
        let _ = client.post_with_key(&body, &key).await.accepted();
        body["payload"]["text"] = json!(format!("{MARK} again"));
        let reused = client.post_with_key(&body, &key).await;
        reused.assert_error(422, "idempotency_key_reused");
        body["targetUserId"] = json!(orphan.user_id);
        let _ = client.post(&body).await.accepted();
        body["type"] = json!(MARK);
        client.post(&body).await.assert_error(400, "invalid_fields");
        let items = [body, json!({MARK: MARK}), json!(MARK)];
        let answer = client.post_batch(&items).await;
        answer.assert_error(400, "no_item_accepted");
    }
    client
        .post_raw("application/json", format!("{{\"{MARK}"))
        .await
        .assert_error(400, "invalid_json");
    let amqp = world.amqp().await;
    let rejected = String::from_utf8(world.wire().encode()).expect("UTF-8");
    let rejected = rejected.replace("Your order", &format!("{MARK} \\u0000"));
    let undecodable = format!(r#"{{"v":1,"messageId":"{MARK}","type":"{MARK}"}}"#);
    amqp.publish_all([amqp.to_intake(rejected), amqp.to_intake(undecodable)])
        .await;
    eventually(secs(20), "all are recorded or dead letters", async || {
        world.database.count("true").await >= 1 && amqp.dead_letter_depth().await == 4
    })
    .await;
}

#[rstest]
#[case("info")]
#[case("debug")]
#[tokio::test]
async fn every_log_line_is_a_flat_object_without_payloads_and_secrets(#[case] level: &str) {
    let world = World::with(&[
        ("LOG_LEVEL", level),
        ("MAX_RETRIES", "1"),
        ("RETRY_BASE_DELAY_MS", "50"),
    ])
    .await;
    let (mut api, mut worker) = tokio::join!(world.api(), world.worker());
    let token = tokens::service();
    produce_log_lines(&world, &api, &token).await;
    api.stop().await;
    worker.stop().await;
    for (program, kind) in [(&api, ProgramKind::Api), (&worker, ProgramKind::Worker)] {
        let lines = program.logs().lines();
        assert!(!lines.is_empty());
        for line in lines {
            assert_is_a_log_entry(&line, kind.name());
            for secret in [
                MARK,
                &token,
                tokens::SECRET,
                world.vhost.url(),
                world.database.url(),
            ] {
                assert!(!line.contains(secret), "{secret} in {line}");
            }
        }
    }
}

#[tokio::test]
async fn a_request_can_be_followed_from_its_post_to_its_delivery() {
    let world = World::with(&[("WORKER_CHANNELS", "intake,email")]).await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let request = client.request(reqwest::Method::POST, "/api/notifications");
    let mut body = notification(world.user, Channel::Email);
    body["payload"]["to"] = json!("anna@example.com");
    let request = request.header("X-Request-Id", "followed-1").json(&body);
    let id = json!(client.send(request).await.accepted());
    eventually(secs(20), "the delivery is in the log", async || {
        let delivered = worker.logs().with_message("delivery attempted");
        let mut of_request = delivered
            .iter()
            .filter(|entry| entry["requestId"] == "followed-1");
        of_request.any(|entry| entry["messageId"] == id)
    })
    .await;
}

#[tokio::test]
async fn refused_access_is_logged_without_debug() {
    let world = World::new().await;
    let api = world.api().await;
    let client = api.client();
    client
        .anonymous()
        .get("/api/notifications")
        .await
        .assert_error(401, "unauthorized");
    let other = tokens::scoped(Uuid::now_v7().into(), "notifications:send");
    let answer = client.with_token(other).post(&world.in_app()).await;
    answer.assert_error(403, "forbidden");
    for status in [401, 403] {
        eventually(secs(20), "the refusal is in the log", async || {
            let refused = api.logs().with_message("request refused");
            refused
                .iter()
                .any(|entry| entry["status"] == status && entry["level"] == "info")
        })
        .await;
    }
}

#[tokio::test]
async fn a_failed_message_can_be_followed_through_the_log() {
    let world = World::with(&[("MAX_RETRIES", "1"), ("RETRY_BASE_DELAY_MS", "50")]).await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let nobody = Uuid::now_v7().into();
    let id = api
        .client()
        .post(&notification(nobody, Channel::InApp))
        .await
        .accepted();
    let id = json!(id);
    eventually(secs(20), "both attempts are in the log", async || {
        let entries = worker.logs().entries();
        let attempts = entries.iter().filter(|entry| entry["messageId"] == id);
        let attempts: Vec<_> = attempts
            .filter_map(|entry| entry["attempt"].as_i64())
            .collect();
        attempts.contains(&0) && attempts.contains(&1)
    })
    .await;
}
