use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tidings_domain::notification::Channel;
use tidings_tests::{Program, ProgramKind, World, eventually, notification, secs};

use super::{LOOKUP, lookups};

fn is_replayed(answer: &tidings_tests::Answer) -> bool {
    assert_eq!(answer.status, 202, "{}", answer.text);
    match answer.header("Idempotency-Replayed") {
        "" => false,
        value => {
            assert_eq!(value, "true");
            true
        }
    }
}

#[tokio::test]
async fn the_same_request_again_gets_the_answer_of_the_first_and_says_so() {
    let world = World::new().await;
    let api = world.api().await;
    let client = api.client();
    let mut body = world.in_app();
    body["payload"] = json!({"a": 1, "b": ["ü", 1.5]});
    let first = client.post_with_key(&body, "one").await;
    assert!(!is_replayed(&first));
    let again = client.post_with_key(&body, "one").await;
    assert!(is_replayed(&again));
    assert_eq!(again.body, first.body);
    assert_eq!(again.header("Location"), first.header("Location"));
    // Another spelling of the same.
    let spelled = format!(
        r#"{{ "payload": {{"b": ["\u00fc", 15e-1], "a": 1}}, "template": null,
            "type": "in-app", "targetUserId": "{}" }}"#,
        world.user.to_string().to_uppercase()
    );
    let request = client.request(reqwest::Method::POST, "/api/notifications");
    let request = request
        .header("Content-Type", "application/json")
        .header("Idempotency-Key", "\"one\"");
    let spelled = client.send(request.body(spelled)).await;
    assert!(is_replayed(&spelled));
    assert_eq!(spelled.body, first.body);
    let metrics = api.metrics().await;
    let accepted = metrics.sum("tidings_notifications_accepted_total", &[]);
    assert_eq!(accepted, 1);
    assert_eq!(metrics.sum("tidings_idempotent_replays_total", &[]), 2);
    assert_eq!(world.amqp().await.intake_depth().await, 1);
}

/// `IDEMPOTENCY_LOOKUP_MS` is long, so that the row decides however busy the machine is.
#[tokio::test]
async fn after_a_restart_the_row_says_what_its_key_was_used_for() {
    let world = World::new().await;
    let (mut api, _worker) = tokio::join!(world.start(ProgramKind::Api, &[LOOKUP]), world.worker());
    let client = api.client();
    let body = world.in_app();
    let id = client.post_with_key(&body, "one").await.accepted();
    world.until_status(id, "processed").await;
    api.stop().await;
    api.start_again().await;
    api.until_connected().await;

    let mut other = world.in_app();
    other["payload"]["title"] = json!("Something else");
    let mut keyed = other.clone();
    keyed["idempotencyKey"] = json!("one");
    let refused = client.post_batch(&[keyed]).await;
    let results = refused.results();
    assert_eq!(results, [Err("idempotency_key_reused".to_owned())]);
    assert_eq!(lookups(&api, "answered").await, 1);
    // From now on, the process knows.
    let refused = client.post_with_key(&other, "one").await;
    refused.assert_error(422, "idempotency_key_reused");
    let again = client.post_with_key(&body, "one").await;
    assert!(is_replayed(&again));
    assert_eq!(again.accepted(), id);
    assert_eq!(lookups(&api, "answered").await, 1);

    api.stop().await;
    api.start_again().await;
    api.until_connected().await;
    assert!(is_replayed(&client.post_with_key(&body, "one").await));
    let metrics = api.metrics().await;
    assert_eq!(metrics.sum("tidings_idempotency_keys_reused_total", &[]), 0);
    assert_eq!(world.database.count("true").await, 1);
}

/// A row of an older version may be that of any request.
#[tokio::test]
async fn a_row_without_a_fingerprint_or_with_one_of_another_version_counts_as_the_same() {
    let world = World::new().await;
    let (api, _worker) = tokio::join!(world.start(ProgramKind::Api, &[LOOKUP]), world.worker());
    let body = world.in_app();
    let id = api.client().post_with_key(&body, "one").await.accepted();
    world.until_status(id, "processed").await;
    let mut other = world.in_app();
    other["payload"]["title"] = json!("Something else");
    for change in [
        "fingerprint = NULL",
        "fingerprint = set_byte(fingerprint, 0, 7)",
        "fingerprint = '\\x07'",
        "sender = NULL, fingerprint = NULL",
    ] {
        let sql = format!("UPDATE notifications SET {change}");
        let changed = world.database.pool.run(async |client| {
            client.batch_execute(&sql).await?;
            Ok(())
        });
        changed.await.expect("changed");
        let api = world.start(ProgramKind::Api, &[LOOKUP]).await;
        let again = api.client().post_with_key(&other, "one").await;
        assert!(is_replayed(&again), "{change}");
        assert_eq!(again.accepted(), id);
        // So that the next change starts from a fingerprint.
        let sql = format!(
            "UPDATE notifications SET sender = '{}', fingerprint = '\\x01{}'",
            tidings_tests::tokens::SERVICE,
            "00".repeat(16)
        );
        let restored = world.database.pool.run(async |client| {
            client.batch_execute(&sql).await?;
            Ok(())
        });
        restored.await.expect("restored");
    }
    let api: Program = world.start(ProgramKind::Api, &[LOOKUP]).await;
    let refused = api.client().post_with_key(&other, "one").await;
    refused.assert_error(422, "idempotency_key_reused");
}

/// What has been accepted stays accepted, although the same request would now be refused for its times.
#[tokio::test]
async fn a_repetition_is_answered_although_the_notification_has_expired() {
    let world = World::new().await;
    let api = world.api().await;
    let client = api.client();
    let mut body = notification(world.user, Channel::InApp);
    let expires_at = Timestamp::now() + SignedDuration::from_secs(2);
    body["expiresAt"] = json!(expires_at);
    let first = client.post_with_key(&body, "one").await;
    assert!(!is_replayed(&first));
    eventually(secs(10), "it has expired", async || {
        Timestamp::now() > expires_at
    })
    .await;
    let late = client.post_with_key(&body, "two").await;
    late.assert_error(400, "expires_before_send");
    let again = client.post_with_key(&body, "one").await;
    assert!(is_replayed(&again));
    assert_eq!(again.body, first.body);
}

#[tokio::test]
async fn without_a_key_nothing_is_compared() {
    let world = World::new().await;
    let api = world.start(ProgramKind::Api, &[LOOKUP]).await;
    let client = api.client();
    for _ in 0..3 {
        assert!(!is_replayed(&client.post(&world.in_app()).await));
        let batch = client.post_batch(&[world.in_app(), world.in_app()]).await;
        assert_eq!(batch.status, 202, "{}", batch.text);
        assert!(!batch.text.contains("replayed"), "{}", batch.text);
    }
    for result in ["answered", "unanswered", "skipped"] {
        assert_eq!(lookups(&api, result).await, 0, "{result}");
    }
    assert_eq!(world.amqp().await.intake_depth().await, 9);
}
