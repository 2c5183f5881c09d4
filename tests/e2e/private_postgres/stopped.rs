use std::time::Instant;

use tidings_tests::{Pace, eventually, eventually_ok, secs};

use super::PrivatePostgresInstallation;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_database_uses_up_no_attempts() {
    let mut installation = PrivatePostgresInstallation::start().await;
    let load = installation.load(10, Pace::Steady).await;
    installation.postgres.stop().await;
    let away = Instant::now();
    installation.until_disconnected().await;
    installation.until_tried(secs(90), 20).await;
    assert_eq!(load.refused_since(away), 0, "the API still accepts");
    installation.postgres.start().await;
    installation.assert_recovers().await;
    installation.assert_all_recorded_once(load).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_recorded_after_an_outage_longer_than_they_are_held() {
    let mut installation = PrivatePostgresInstallation::start().await;
    let load = installation.load(1, Pace::Steady).await;
    installation.postgres.stop().await;
    let away = Instant::now();
    installation.until_disconnected().await;
    load.until_accepted(secs(60), 100).await;
    let paused = "consumer paused: returned its messages to the queue until its servers answer";
    eventually(
        secs(90),
        "the worker gives back what it holds",
        async || {
            let logs = installation.worker.logs();
            !logs.with_message(paused).is_empty()
        },
    )
    .await;
    assert!(away.elapsed() > secs(55), "{:?}", away.elapsed());
    // All messages are ready in their queue.
    let amqp = installation.world.amqp().await;
    eventually_ok(secs(10), "no message is unacknowledged", async || {
        let (since, waiting) = (load.accepted_since(away), amqp.intake_depth().await);
        let all = usize::try_from(waiting).is_ok_and(|waiting| waiting >= since);
        all.then_some(())
            .ok_or_else(|| format!("{waiting} of {since} wait"))
    })
    .await;
    installation.assert_disconnected().await;
    installation.postgres.start().await;
    installation.assert_recovers().await;
    installation.assert_all_recorded_once(load).await;
}
