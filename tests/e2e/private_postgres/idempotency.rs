//! Idempotency keys while PostgreSQL is away.

use serde_json::json;
use tidings_tests::{Client, Program, eventually, secs};

use super::PrivatePostgresInstallation;

async fn lookups(api: &Program, result: &str) -> u64 {
    let label = format!("result=\"{result}\"");
    let metrics = api.metrics().await;
    metrics.sum("tidings_idempotency_lookups_total", &[&label])
}

/// Posts under new keys, one by one and in a batch, and posts the first and another one under the key `known`.
async fn assert_accepts(client: &Client, body: &serde_json::Value, prefix: &str) {
    for number in 0..10 {
        let key = format!("{prefix}-{number}");
        let answer = client.post_with_key(body, &key).await;
        let _ = answer.accepted();
        assert_eq!(answer.header("Idempotency-Replayed"), "");
    }
    let items: Vec<_> = (0..10)
        .map(|number| {
            let mut item = body.clone();
            item["idempotencyKey"] = json!(format!("{prefix}-batch-{number}"));
            item
        })
        .collect();
    let batch = client.post_batch(&items).await;
    assert_eq!(batch.status, 202, "{}", batch.text);
    let again = client.post_with_key(body, "known").await;
    let _ = again.accepted();
    assert_eq!(again.header("Idempotency-Replayed"), "true");
    let mut other = body.clone();
    other["payload"]["title"] = json!("Something else");
    let refused = client.post_with_key(&other, "known").await;
    refused.assert_error(422, "idempotency_key_reused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_slow_or_away_refuses_no_request_with_a_key() {
    let mut installation = PrivatePostgresInstallation::start().await;
    let (api, world) = (&installation.api, &installation.world);
    let (client, body) = (api.client(), world.in_app());
    let _ = client.post_with_key(&body, "known").await.accepted();

    let frozen = installation.postgres.freeze().await;
    assert_accepts(&client, &body, "frozen").await;
    assert!(lookups(api, "unanswered").await >= 3);
    // After three lookups without an answer, the others do not wait.
    eventually(secs(10), "requests do not wait any more", async || {
        let key = uuid::Uuid::new_v4().to_string();
        let _ = client.post_with_key(&body, &key).await.accepted();
        lookups(api, "skipped").await > 0
    })
    .await;
    frozen.thaw();
    let answered = lookups(api, "answered").await;
    eventually(secs(20), "rows are looked up again", async || {
        let key = uuid::Uuid::new_v4().to_string();
        let _ = client.post_with_key(&body, &key).await.accepted();
        lookups(api, "answered").await > answered
    })
    .await;

    installation.postgres.stop().await;
    assert_accepts(&client, &body, "stopped").await;
    installation.postgres.start().await;
    eventually(secs(60), "all are recorded once", async || {
        let amqp = world.amqp().await;
        amqp.intake_depth().await == 0
            && matches!(world.database.try_count("status = 'processed'").await, Ok(count) if count > 40)
    })
    .await;
    assert_eq!(world.amqp().await.dead_letter_depth().await, 0);
    installation.worker.stop().await;
    installation.api.stop().await;
}
