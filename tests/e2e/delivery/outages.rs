//! An outage of a provider: its channel consumes no messages, and none of them loses an attempt.

use futures_util::{StreamExt, stream};
use tidings_tests::{MockHttpServer, Program, eventually, eventually_ok, secs};

use super::{accepted_response, channel, post, world};

const WAITING: usize = 500;

/// Waits until the circuit breaker of the provider of text messages is open.
async fn until_breaker_is_open(worker: &Program) {
    eventually_ok(secs(60), "the breaker is open", async || {
        let state = channel(worker, "sms").await;
        if state["state"] == "away" {
            Ok(())
        } else {
            Err(state)
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_longer_than_all_retries_dead_letters_no_message_under_load() {
    let mut twilio = MockHttpServer::start(|_| accepted_response()).await;
    let world = world(
        &twilio,
        &[
            ("BREAKER_PROBE_SECS", "1"),
            // Messages that failed before the breaker opened are retried during the outage.
            ("RETRY_BASE_DELAY_MS", "500"),
            ("RETRY_MULTIPLIER", "2"),
        ],
    )
    .await;
    twilio.stop().await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let posting = |number: usize| {
        let (world, api) = (&world, &api);
        async move { post(world, api, &format!("number {number}")).await }
    };
    let posted: Vec<_> = stream::iter(0..WAITING)
        .map(posting)
        .buffer_unordered(16)
        .collect()
        .await;
    assert_eq!(posted.len(), WAITING);

    until_breaker_is_open(&worker).await;
    let metrics = worker.metrics().await;
    assert_eq!(metrics.sum("tidings_provider_away", &["sms"]), 1);
    let amqp = world.amqp().await;
    let failed = async || {
        let metrics = worker.metrics().await;
        metrics.sum("tidings_delivery_attempts_total", &["failed"])
    };
    let before = failed().await;
    // Probes take longer than all retries of a message: 3.5 s.
    eventually(secs(90), "ten probes have failed", async || {
        assert_eq!(amqp.dead_letter_depth().await, 0);
        failed().await >= before + 10
    })
    .await;
    // After the breaker opened there were only probes.
    let failed = failed().await;
    assert!(failed < 150, "{failed} attempts");
    assert_eq!(channel(&worker, "sms").await["state"], "away");

    twilio.start_again().await;
    eventually_ok(secs(90), "all are delivered", async || {
        match world.database.count("status = 'processed'").await {
            500 => Ok(()),
            so_far => Err(format!("{so_far} are")),
        }
    })
    .await;
    assert_eq!(twilio.count(), WAITING, "each once");
    assert_eq!(amqp.dead_letter_depth().await, 0);
    assert_eq!(channel(&worker, "sms").await["state"], "delivering");
}

#[tokio::test]
async fn an_outage_uses_no_attempt_on_a_channel_with_one_message() {
    let mut twilio = MockHttpServer::start(|_| accepted_response()).await;
    let world = world(
        &twilio,
        &[
            ("BREAKER_PROBE_SECS", "2"),
            ("MAX_RETRIES", "4"),
            ("RETRY_BASE_DELAY_MS", "6000"),
            ("RETRY_MULTIPLIER", "1"),
        ],
    )
    .await;
    twilio.stop().await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let id = post(&world, &api, "the only one").await;
    until_breaker_is_open(&worker).await;
    // Longer than all retries would take.
    let probes = "tidings_delivery_attempts_total";
    eventually(
        secs(60),
        "it is tried more often than it may fail",
        async || worker.metrics().await.sum(probes, &["failed"]) > 6,
    )
    .await;
    twilio.start_again().await;
    world.until_status(id, "processed").await;
    assert_eq!(twilio.count(), 1);
    assert_eq!(world.amqp().await.dead_letter_depth().await, 0);
}
