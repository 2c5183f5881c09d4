//! A replay starts a dead letter of the delivery stage again with all attempts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tidings_tests::{MockHttpServer, eventually, outcomes, secs};

use super::{accepted_response, error, post, world};

#[tokio::test]
async fn a_replay_delivers_a_dead_letter() {
    let works = Arc::new(AtomicBool::new(false));
    let now = Arc::clone(&works);
    let twilio = MockHttpServer::start(move |_| {
        if now.load(Ordering::SeqCst) {
            accepted_response()
        } else {
            error(500, 20500, "Internal Server Error")
        }
    })
    .await;
    let world = world(
        &twilio,
        &[("MAX_RETRIES", "1"), ("RETRY_BASE_DELAY_MS", "50")],
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
    works.store(true, Ordering::SeqCst);
    let output = world.tidings(&[
        "dlq",
        "replay",
        "--from-queue",
        "--reason",
        "provider_failed",
    ]);
    assert!(output.status.success(), "{output:?}");
    world.until_status(id, "processed").await;
    let attempts = api.client().attempts(id).await;
    assert_eq!(
        outcomes(&attempts),
        [(0, "failed"), (1, "failed"), (0, "delivered")]
    );
    assert_eq!(amqp.dead_letter_depth().await, 0);
}
