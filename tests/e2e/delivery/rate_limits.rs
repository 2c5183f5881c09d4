//! A provider's `Retry-After` is respected, and no message loses an attempt.

use std::sync::atomic::{AtomicUsize, Ordering};

use tidings_tests::{MockHttpServer, outcomes, secs};

use super::{accepted_response, channel, error, post, world};

#[tokio::test]
async fn rate_limiting_by_a_provider_uses_no_attempt() {
    let seen = AtomicUsize::new(0);
    let twilio = MockHttpServer::start(move |_| match seen.fetch_add(1, Ordering::Relaxed) {
        0 | 1 => error(429, 20429, "Too Many Requests").header("retry-after", "1"),
        _ => accepted_response(),
    })
    .await;
    // With no retries, a counted failure would be final.
    let world = world(&twilio, &[("MAX_RETRIES", "0")]).await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let id = post(&world, &api, "hello").await;
    world.until_status(id, "processed").await;

    let attempts = api.client().attempts(id).await;
    assert_eq!(outcomes(&attempts), [(0, "throttled"), (0, "delivered")]);
    assert_eq!(attempts[0]["repetitions"], 1);
    let requests = twilio.requests();
    for two in requests.windows(2) {
        assert!(two[1].at - two[0].at >= secs(1), "not before it said");
    }
    let row = format!("message_id = '{id}' AND retries_attempted = 0");
    assert_eq!(world.database.count(&row).await, 1);
    assert_eq!(channel(&worker, "sms").await["state"], "delivering");
}

#[tokio::test]
async fn a_paused_channel_sends_nothing_and_other_channels_continue() {
    let twilio = MockHttpServer::start(|_| {
        error(429, 20429, "Too Many Requests").header("retry-after", "3600")
    })
    .await;
    let world = world(
        &twilio,
        &[
            ("SMS_CONCURRENCY", "1"),
            ("WORKER_CHANNELS", "intake,sms,email"),
        ],
    )
    .await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let first = post(&world, &api, "first").await;
    twilio.until_received(secs(30), 1).await;
    let mut ids = vec![first];
    for text in ["second", "third"] {
        ids.push(post(&world, &api, text).await);
    }
    let email =
        tidings_tests::notification(world.user, tidings_domain::notification::Channel::Email);
    let mut email = email;
    email["payload"]["to"] = "anna@example.com".into();
    let email = api.client().post(&email).await.accepted();
    world.until_status(email, "processed").await;
    assert_eq!(twilio.count(), 1, "the channel pauses");
    assert_eq!(channel(&worker, "sms").await["state"], "paused");
    let metrics = worker.metrics().await;
    assert_eq!(metrics.sum("tidings_channel_paused", &["sms"]), 1);
    assert_eq!(metrics.sum("tidings_channel_paused", &["email"]), 0);
    for id in ids {
        world.until_status(id, "pending").await;
    }
}
