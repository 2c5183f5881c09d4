use tidings_tests::{Pace, PostOutcome, eventually, secs};
use tokio::time::timeout;

use super::PrivateBrokerInstallation;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_broker_is_frozen_posts_are_refused_in_time_and_accepted_soon_after() {
    let mut installation =
        PrivateBrokerInstallation::start(&[("PUBLISH_TIMEOUT_MS", "2000")]).await;
    let load = installation.load(8, Pace::Steady).await;
    let frozen = installation.broker.freeze().await;
    installation.until_disconnected().await;
    load.until_refused(secs(20), 100).await;
    frozen.thaw();
    installation.assert_recovers(&load).await;
    let posted = installation.assert_recorded_once(load).await;
    // PUBLISH_TIMEOUT_MS is 2 s; the rest is for a busy machine.
    posted.assert_answered_within(secs(6));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_stops_an_api_whose_requests_wait_for_the_broker() {
    let mut installation =
        PrivateBrokerInstallation::start(&[("PUBLISH_TIMEOUT_MS", "60000")]).await;
    let load = installation.load(8, Pace::Steady).await;
    let frozen = installation.broker.freeze().await;
    let accepted = timeout(secs(1), load.until_accepted(secs(60), 1)).await;
    assert!(accepted.is_err(), "requests must wait");
    let api = &mut installation.api;
    api.sigterm();
    eventually(secs(10), "the first signal is seen", async || {
        let stopping = |entry: &serde_json::Value| entry["signal"] == "SIGTERM";
        api.logs().entries().iter().any(stopping)
    })
    .await;
    api.sigterm();
    let status = api.exit_within(secs(10)).await;
    assert_eq!(status.code(), Some(1));

    frozen.thaw();
    api.start_again().await;
    installation.assert_recovers(&load).await;
    let posted = installation.assert_recorded_once(load).await;
    assert!(
        posted.count(PostOutcome::Nothing) >= 8,
        "the requests must be aborted"
    );
}
