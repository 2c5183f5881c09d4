use tidings_tests::{Pace, eventually, secs};

use super::PrivatePostgresInstallation;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_database_uses_up_no_attempts() {
    let mut installation = PrivatePostgresInstallation::start().await;
    let load = installation.load(10, Pace::Steady).await;
    let frozen = installation.postgres.freeze().await;
    installation.until_disconnected().await;
    installation.until_tried(secs(90), 4).await;
    frozen.thaw();
    installation.assert_recovers().await;
    installation.assert_all_recorded_once(load).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopping_worker_requeues_messages_that_a_frozen_database_does_not_record() {
    let mut installation = PrivatePostgresInstallation::start().await;
    let world = &installation.world;
    let amqp = world.amqp().await;
    let frozen = installation.postgres.freeze().await;
    amqp.publish_all((0..1000).map(|_| amqp.intake_of(&world.wire())))
        .await;
    eventually(secs(20), "the worker has taken all", async || {
        amqp.intake_depth().await == 0
    })
    .await;
    // Within SHUTDOWN_TIMEOUT_SECS, or the exit code would be 1.
    installation.worker.stop().await;
    assert_eq!(
        amqp.intake_depth().await,
        1000,
        "all messages are given back"
    );

    frozen.thaw();
    installation.worker.start_again().await;
    eventually(secs(60), "all are recorded", async || {
        world.database.count("status = 'processed'").await == 1000
    })
    .await;
    installation.worker.stop().await;
    assert_eq!(amqp.intake_depth().await, 0);
    assert_eq!(amqp.dead_letter_depth().await, 0);
    assert_eq!(world.database.count("true").await, 1000);
}
