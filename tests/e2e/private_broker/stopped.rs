use tidings_tests::{Pace, secs};

use super::{PrivateBrokerInstallation, until_exported};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_broker_is_stopped_posts_are_refused_in_time_and_accepted_soon_after() {
    let mut installation =
        PrivateBrokerInstallation::start(&[("PUBLISH_TIMEOUT_MS", "2000")]).await;
    let load = installation.load(8, Pace::Steady).await;
    installation.broker.stop().await;
    installation.until_disconnected().await;
    let (api, worker) = (&installation.api, &installation.worker);
    for program in [api, worker] {
        until_exported(program, "tidings_ready", &[], 0..=0).await;
    }
    load.until_refused(secs(20), 150).await;
    installation.until_disconnected().await;
    installation.broker.start().await;
    installation.assert_recovers(&load).await;
    let (api, worker) = (&installation.api, &installation.worker);
    for program in [api, worker] {
        until_exported(program, "tidings_ready", &[], 1..=1).await;
    }
    for (program, connection) in [
        (api, r#"connection="publishing""#),
        (worker, r#"connection="publishing""#),
        (worker, r#"connection="consuming""#),
    ] {
        let name = "tidings_broker_reconnects_total";
        until_exported(program, name, &[connection], 1..=u64::MAX).await;
    }
    let posted = installation.assert_recorded_once(load).await;
    // PUBLISH_TIMEOUT_MS is 2 s; the rest is for a busy machine.
    posted.assert_answered_within(secs(6));
}
