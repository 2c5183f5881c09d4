//! Idempotency keys while RabbitMQ is away.

use serde_json::{Value, json};
use tidings_tests::{Answer, Client, ProgramKind, World, eventually, secs};

use super::{PrivateBrokerInstallation, until_disconnected, until_ready};

const LOOKUP: (&str, &str) = ("IDEMPOTENCY_LOOKUP_MS", "5000");

fn titled(world: &World, title: &str) -> Value {
    let mut body = world.in_app();
    body["payload"]["title"] = json!(title);
    body
}

/// Posts a notification under the key `one` in a task of its own.
fn post(client: &Client, body: Value) -> tokio::task::JoinHandle<Answer> {
    let client = client.clone();
    tokio::spawn(async move { client.post_with_key(&body, "one").await })
}

fn is_replayed(answer: &Answer) -> bool {
    answer.header("Idempotency-Replayed") == "true"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repetition_waits_for_the_first_request_and_gets_its_answer() {
    let settings = [("PUBLISH_TIMEOUT_MS", "60000"), LOOKUP];
    let mut installation = PrivateBrokerInstallation::start(&settings).await;
    installation.until_settled().await;
    let (client, world) = (installation.api.client(), &installation.world);
    let frozen = installation.broker.freeze().await;
    let first = post(&client, titled(world, "first"));
    eventually(secs(20), "the first is under way", async || {
        let metrics = installation.api.metrics().await;
        metrics.sum("tidings_idempotency_lookups_total", &[]) == 1
    })
    .await;
    // The same request three times, once in a batch, and another one.
    let mut keyed = titled(world, "first");
    keyed["idempotencyKey"] = json!("one");
    let batch = {
        let client = client.clone();
        tokio::spawn(async move { client.post_batch(&[keyed]).await })
    };
    let waiting = [(); 2].map(|()| post(&client, titled(world, "first")));
    let other = post(&client, titled(world, "second"));
    eventually(secs(20), "the others wait", async || {
        let metrics = installation.api.metrics().await;
        metrics.sum("tidings_idempotency_waits_total", &[]) == 4
    })
    .await;
    frozen.thaw();
    let first = first.await.expect("an answer");
    let id = first.accepted();
    assert!(!is_replayed(&first));
    for again in waiting {
        let again = again.await.expect("an answer");
        assert_eq!(again.accepted(), id);
        assert!(is_replayed(&again));
    }
    let batch = batch.await.expect("an answer");
    assert_eq!(batch.results(), [Ok(id)]);
    assert_eq!(batch.body["results"][0]["replayed"], true);
    let other = other.await.expect("an answer");
    other.assert_error(422, "idempotency_key_reused");

    world.until_status(id, "processed").await;
    let intake = installation.worker.metrics().await;
    assert_eq!(intake.sum("tidings_intake_duplicates_total", &[]), 0);
    installation.worker.stop().await;
    installation.api.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_was_refused_with_503_does_not_use_up_its_key() {
    let settings = [("PUBLISH_TIMEOUT_MS", "1000")];
    let mut installation = PrivateBrokerInstallation::start(&settings).await;
    installation.until_settled().await;
    let (client, world) = (installation.api.client(), &installation.world);
    installation.broker.stop().await;
    until_disconnected(&client.anonymous()).await;
    let refused = client.post_with_key(&titled(world, "first"), "one").await;
    refused.assert_error(503, "broker_unavailable");
    installation.broker.start().await;
    until_ready(&client.anonymous()).await;
    let accepted = client.post_with_key(&titled(world, "second"), "one").await;
    let id = accepted.accepted();
    assert!(!is_replayed(&accepted));
    world.until_status(id, "processed").await;
    let recorded = world.database.count("payload->>'title' = 'second'").await;
    assert_eq!(recorded, 1);
    installation.worker.stop().await;
    installation.api.stop().await;
}

/// Without lookups, the recording itself compares.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_postgresql_accepts_while_the_broker_is_stopped_is_compared_too() {
    let settings = [
        ("ACCEPT_WITHOUT_BROKER", "true"),
        ("IDEMPOTENCY_LOOKUP_MS", "0"),
    ];
    let mut installation = PrivateBrokerInstallation::start(&settings).await;
    installation.until_settled().await;
    let world = &installation.world;
    let another = world.start(ProgramKind::Api, &settings).await;
    let (client, other) = (installation.api.client(), another.client());
    installation.broker.stop().await;
    for client in [&client, &other] {
        let probes = client.anonymous();
        eventually(secs(30), "the API notices", async || {
            probes.get("/health").await.body["rabbitmq"] == "disconnected"
        })
        .await;
    }
    let (first, second) = (titled(world, "first"), titled(world, "second"));
    let id = client.post_with_key(&first, "one").await.accepted();
    let refused = other.post_with_key(&second, "one").await;
    refused.assert_error(422, "idempotency_key_reused");
    let mut keyed = second;
    keyed["idempotencyKey"] = json!("one");
    let refused = other.post_batch(&[keyed, world.in_app()]).await;
    let results = refused.results();
    assert_eq!(results[0], Err("idempotency_key_reused".to_owned()));
    assert!(results[1].is_ok());
    assert_eq!(other.post_with_key(&first, "one").await.accepted(), id);
    // Now it knows.
    assert!(is_replayed(&other.post_with_key(&first, "one").await));
    let recorded = world.database.count("payload->>'title' = 'first'").await;
    assert_eq!((recorded, world.database.count("true").await), (1, 2));
    installation.worker.stop().await;
    installation.api.stop().await;
}
