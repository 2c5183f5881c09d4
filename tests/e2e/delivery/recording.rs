//! Deliveries that could not be recorded in PostgreSQL at once.

use std::time::Duration;

use tidings_tests::{MockHttpServer, eventually, outcomes, secs};

use super::{accepted_response, post, world};

#[tokio::test]
async fn a_delivery_that_cannot_be_recorded_is_recorded_later_and_not_sent_again() {
    let twilio = MockHttpServer::start(|_| accepted_response().after(Duration::from_secs(1))).await;
    let world = world(&twilio, &[("DATABASE_STATEMENT_TIMEOUT_MS", "500")]).await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let mut client = world
        .database
        .pool
        .dedicated_client()
        .await
        .expect("a connection");
    let id = post(&world, &api, "hello").await;
    twilio.until_received(secs(30), 1).await;
    // The request has arrived and has no response: from here on nothing can be recorded.
    let blocking = client.transaction().await.expect("a transaction");
    let lock = "LOCK TABLE delivery_attempts IN ACCESS EXCLUSIVE MODE";
    blocking.batch_execute(lock).await.expect("the lock");
    eventually(secs(30), "the worker holds it", async || {
        worker.client().get("/ready").await.status == 503
    })
    .await;
    blocking.rollback().await.expect("unlocked");
    world.until_status(id, "processed").await;
    assert_eq!(twilio.count(), 1);
    assert_eq!(
        outcomes(&api.client().attempts(id).await),
        [(0, "delivered")]
    );
}

#[tokio::test]
async fn an_attempt_of_a_killed_worker_is_on_the_timeline_as_unknown() {
    let pace = Duration::from_secs(2);
    let twilio = MockHttpServer::start(move |_| accepted_response().after(pace)).await;
    let world = world(
        &twilio,
        &[
            ("PROVIDER_TIMEOUT_SECS", "5"),
            ("DELIVERY_LEASE_SECS", "10"),
        ],
    )
    .await;
    let (api, mut worker) = tokio::join!(world.api(), world.worker());
    let id = post(&world, &api, "hello").await;
    twilio.until_received(secs(30), 1).await;
    worker.kill();
    worker.start_again().await;
    world.until_status(id, "processed").await;
    let attempts = api.client().attempts(id).await;
    assert_eq!(outcomes(&attempts), [(0, "unknown"), (0, "delivered")]);
    let requests = twilio.requests();
    assert_eq!(requests.len(), 2, "nobody could know");
    assert!(
        requests[1].at - requests[0].at >= secs(8),
        "not before the lease ended"
    );
}
