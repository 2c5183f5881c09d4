//! A provider that is away: its channel takes no messages, and none of them loses an attempt.

use futures_util::{StreamExt, stream};
use tidings_tests::{Receiver, eventually, eventually_ok, secs};
use tokio::time::Instant;

use super::{channel, post, taken, world};

const WAITING: usize = 500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_a_minute_costs_no_message_its_life_under_load() {
    let mut twilio = Receiver::start(|_| taken()).await;
    let world = world(
        &twilio,
        &[
            ("BREAKER_PROBE_SECS", "2"),
            // Whoever failed before the breaker opened tries again while the provider is away.
            ("RETRY_BASE_DELAY_MS", "500"),
            ("RETRY_MULTIPLIER", "2"),
        ],
    )
    .await;
    twilio.stop().await;
    let down_since = Instant::now();
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

    eventually_ok(secs(30), "the breaker is open", async || {
        let state = channel(&worker, "sms").await;
        if state["state"] == "away" {
            Ok(())
        } else {
            Err(state)
        }
    })
    .await;
    let metrics = worker.metrics().await;
    assert_eq!(metrics.sum("tidings_provider_away", &["sms"]), 1);
    let amqp = world.amqp().await;
    eventually(secs(90), "a minute has passed", async || {
        assert_eq!(amqp.dead_letter_depth().await, 0);
        down_since.elapsed() >= secs(60)
    })
    .await;
    // Besides the few that failed before it opened, only probes have been made.
    let failed = worker
        .metrics()
        .await
        .sum("tidings_delivery_attempts_total", &["failed"]);
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
