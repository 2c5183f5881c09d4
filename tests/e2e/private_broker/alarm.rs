use tidings_tests::{Pace, secs};

use super::{PrivateBrokerInstallation, until_disconnected, until_exported};

/// Requests that are refused during the alarm. Eight clients get at most 40 refusals a second, so the alarm
/// lasts for more than twice the heartbeat, and a connection that does not survive it is noticed.
const REFUSALS: usize = 500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn during_a_memory_alarm_posts_are_refused_in_time_and_accepted_soon_after() {
    let mut installation =
        PrivateBrokerInstallation::start(&[("PUBLISH_TIMEOUT_MS", "2000")]).await;
    let load = installation.load(8, Pace::Steady).await;
    let watermark = async |fraction| {
        let (module, function) = ("vm_memory_monitor", "set_vm_memory_high_watermark");
        let set = installation.broker.call(module, function, fraction).await;
        assert_eq!(set, "ok");
    };
    watermark("[0.00001]").await;
    until_disconnected(&installation.api.client().anonymous()).await;
    until_exported(&installation.api, "tidings_broker_blocked", &[], 1..=1).await;
    load.until_refused(secs(60), REFUSALS).await;
    watermark("[0.4]").await;
    installation.assert_recovers(&load).await;
    until_exported(&installation.api, "tidings_broker_blocked", &[], 0..=0).await;
    let posted = installation.assert_recorded_once(load).await;
    // PUBLISH_TIMEOUT_MS is 2 s; the rest is for a busy machine.
    posted.assert_answered_within(secs(6));
}
