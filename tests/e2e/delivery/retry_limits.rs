//! Each channel has its own maximum of retries.

use tidings_tests::{MockHttpServer, eventually, outcomes, secs};

use super::{error, post, world};

#[tokio::test]
async fn a_channel_with_fewer_retries_dead_letters_earlier() {
    let twilio = MockHttpServer::start(|_| error(500, 20500, "Internal Server Error")).await;
    let world = world(
        &twilio,
        &[
            ("MAX_RETRIES", "5"),
            ("SMS_MAX_RETRIES", "2"),
            ("RETRY_BASE_DELAY_MS", "50"),
            ("RETRY_MULTIPLIER", "1"),
        ],
    )
    .await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let id = post(&world, &api, "hello").await;
    world.until_status(id, "failed").await;
    let amqp = world.amqp().await;
    eventually(secs(20), "its dead letter", async || {
        amqp.dead_letter_depth().await == 1
    })
    .await;
    let attempts = api.client().attempts(id).await;
    assert_eq!(
        outcomes(&attempts),
        [(0, "failed"), (1, "failed"), (2, "failed")]
    );
    assert_eq!(twilio.count(), 3);
    let letters = amqp.dead_letters().await;
    assert_eq!(letters[0].reason, "provider_failed");
    assert_eq!(letters[0].attempts, Some(3));
    assert_eq!(amqp.settings.ladder.max, 5, "the largest that any asks for");
}

#[tokio::test]
async fn a_message_that_the_provider_rejects_becomes_a_dead_letter_with_the_providers_error() {
    let words = "The 'To' number is not a valid phone number";
    let twilio = MockHttpServer::start(move |_| error(400, 21211, words)).await;
    let world = world(&twilio, &[]).await;
    let (api, mut worker) = tokio::join!(world.api(), world.worker());
    let id = post(&world, &api, "hello").await;
    world.until_status(id, "failed").await;
    let amqp = world.amqp().await;
    eventually(secs(20), "its dead letter", async || {
        amqp.dead_letter_depth().await == 1
    })
    .await;
    let letters = amqp.dead_letters().await;
    assert_eq!(letters[0].reason, "rejected_by_provider");
    let detail = letters[0].detail.as_deref().unwrap_or_default();
    assert!(detail.contains(words), "{detail}");
    let row = api.client().get(&format!("/api/notifications/{id}")).await;
    assert!(
        row.body["errorMessage"]
            .as_str()
            .is_some_and(|error| error.contains(words))
    );
    worker.stop().await;
    let logs = worker.logs().lines().join("\n");
    assert!(!logs.contains(words), "nothing for a log");
}
