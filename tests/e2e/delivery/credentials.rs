//! A provider that refuses the credentials counts as down, with that reason.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tidings_tests::{MockHttpServer, eventually, eventually_ok, outcomes, secs};

use super::{accepted_response, channel, error, post, world};

#[tokio::test]
async fn refused_credentials_pause_the_channel_until_they_are_accepted() {
    let corrected = Arc::new(AtomicBool::new(false));
    let now = Arc::clone(&corrected);
    let twilio = MockHttpServer::start(move |_| {
        if now.load(Ordering::SeqCst) {
            accepted_response()
        } else {
            error(401, 20003, "Authenticate")
        }
    })
    .await;
    let world = world(
        &twilio,
        &[("BREAKER_PROBE_SECS", "1"), ("MAX_RETRIES", "0")],
    )
    .await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let id = post(&world, &api, "hello").await;
    let state = eventually_ok(secs(30), "the channel is away", async || {
        let state = channel(&worker, "sms").await;
        if state["state"] == "away" {
            Ok(state)
        } else {
            Err(state)
        }
    })
    .await;
    let refused = async || {
        let labels = [r#"channel="sms""#, r#"provider="twilio""#];
        let metrics = worker.metrics().await;
        metrics.sum("tidings_provider_credentials_refused", &labels)
    };
    assert_eq!(refused().await, 1);
    assert!(
        state["reason"]
            .as_str()
            .is_some_and(|why| why.contains("credentials")),
        "{state}"
    );
    let health = worker.client().get("/health").await;
    assert_eq!(
        (health.status, &health.body["status"]),
        (200, &"healthy".into())
    );
    twilio.until_received(secs(30), 2).await;

    corrected.store(true, Ordering::SeqCst);
    world.until_status(id, "processed").await;
    eventually(secs(30), "the credentials are accepted", async || {
        refused().await == 0
    })
    .await;
    let attempts = api.client().attempts(id).await;
    let outcomes = outcomes(&attempts);
    assert!(
        outcomes.iter().all(|(attempt, _)| *attempt == 0),
        "{outcomes:?}"
    );
    assert_eq!(outcomes[0], (0, "credentials_refused"));
    assert_eq!(outcomes.last(), Some(&(0, "delivered")));
}
