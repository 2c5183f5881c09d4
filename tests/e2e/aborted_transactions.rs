//! Transactions of the worker that PostgreSQL aborts because of other ones.

use tidings_domain::notification::Channel;
use tidings_tests::{Program, World, outcomes};

const DEADLOCK: &str = "40P01";

/// How often the worker has found that a server is not as it should be.
fn holds(worker: &Program) -> usize {
    worker.logs().count("messages are held")
}

#[tokio::test]
async fn three_deadlocks_of_the_intake_are_retried_at_once() {
    let world = World::new().await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let inserts = "INSERT ON notifications";
    world.database.abort_first(3, inserts, DEADLOCK).await;
    let id = api.client().post(&world.in_app()).await.accepted();
    world.until_status(id, "processed").await;
    assert_eq!(world.database.count_since_abort_first().await, 4);
    assert_eq!(holds(&worker), 0);
}

#[tokio::test]
async fn a_fourth_deadlock_counts_as_the_server_and_uses_up_no_attempt() {
    let world = World::new().await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let inserts = "INSERT ON notifications";
    world.database.abort_first(4, inserts, DEADLOCK).await;
    let id = api.client().post(&world.in_app()).await.accepted();
    world.until_status(id, "processed").await;
    assert_eq!(world.database.count_since_abort_first().await, 5);
    assert_eq!(holds(&worker), 1);
    let metrics = worker.metrics().await;
    assert_eq!(metrics.sum("tidings_messages_retried_total", &[]), 0);
}

#[tokio::test]
async fn three_deadlocks_of_a_claim_are_retried_at_once() {
    let world = World::with(&[("WORKER_CHANNELS", "intake,email")]).await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let updates = "UPDATE ON notifications";
    world.database.abort_first(3, updates, DEADLOCK).await;
    let mut body = tidings_tests::notification(world.user, Channel::Email);
    body["payload"]["to"] = "a@example.com".into();
    let id = api.client().post(&body).await.accepted();
    world.until_status(id, "processed").await;
    // The fourth claims, the fifth records the delivery.
    assert_eq!(world.database.count_since_abort_first().await, 5);
    assert_eq!(holds(&worker), 0);
    let attempts = api.client().attempts(id).await;
    assert_eq!(outcomes(&attempts), [(0, "delivered")]);
}
