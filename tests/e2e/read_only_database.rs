//! A read-only PostgreSQL does not count as an error of a message.

use tidings_tests::{World, eventually, secs};

/// Ends the sessions that were opened before a setting of the database was changed.
const END_SESSIONS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                            WHERE datname = current_database() AND pid <> pg_backend_pid()";

async fn set_read_only(world: &World, read_only: &str) {
    let client = world
        .database
        .pool
        .dedicated_client()
        .await
        .expect("a connection");
    let name = client
        .query_one("SELECT current_database()", &[])
        .await
        .expect("the name");
    let name: String = name.get(0);
    let set = format!(
        "BEGIN READ WRITE; ALTER DATABASE \"{name}\" SET default_transaction_read_only = {read_only}; COMMIT; {END_SESSIONS}"
    );
    client.batch_execute(&set).await.expect("set");
}

#[tokio::test]
async fn a_read_only_database_uses_up_no_attempts() {
    let world = World::with(&[("RETRY_BASE_DELAY_MS", "100"), ("RETRY_MULTIPLIER", "1")]).await;
    let (api, worker) = (world.api().await, world.worker().await);
    set_read_only(&world, "on").await;
    let client = api.client();
    for _ in 0..20 {
        let _ = client.post(&world.in_app()).await.accepted();
    }
    let probe = worker.client().anonymous();
    eventually(secs(20), "the worker is not ready", async || {
        probe.get("/ready").await.status == 503
    })
    .await;
    // More failures than a message has attempts.
    eventually(secs(30), "the messages have been tried often", async || {
        worker.logs().count("messages are held") > 12
    })
    .await;
    set_read_only(&world, "off").await;
    eventually(secs(30), "all are recorded", async || {
        world.database.count("status = 'processed'").await == 20
    })
    .await;
    let metrics = worker.metrics().await;
    assert_eq!(metrics.sum("tidings_messages_retried_total", &[]), 0);
    assert_eq!(metrics.sum("tidings_messages_dead_lettered_total", &[]), 0);
    assert_eq!(world.amqp().await.dead_letter_depth().await, 0);
    eventually(secs(10), "the worker is ready again", async || {
        probe.get("/ready").await.status == 200
    })
    .await;
}
