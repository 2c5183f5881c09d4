use tidings_tests::{Pace, PostOutcome, secs};

use super::PrivateBrokerInstallation;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_killed_under_load_loses_no_accepted_notification() {
    let mut installation = PrivateBrokerInstallation::start(&[]).await;
    let load = installation.load(32, Pace::Fast).await;
    for _ in 0..2 {
        load.until_accepted(secs(60), 1000).await;
        installation.broker.kill().await;
        load.until_refused(secs(20), 100).await;
        installation.broker.start().await;
        installation.assert_recovers(&load).await;
    }
    let posted = installation.assert_recorded_once(load).await;
    // PUBLISH_TIMEOUT_MS is 5 s; the rest is for a busy machine.
    posted.assert_answered_within(secs(10));
    assert_eq!(posted.count(PostOutcome::Nothing), 0, "the API was up");
}
