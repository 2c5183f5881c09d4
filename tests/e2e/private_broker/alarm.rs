use std::time::Instant;

use tidings_tests::{eventually, secs};

use super::{Installation, until_disconnected};

/// Twice the heartbeat and more, so that a connection that did not live through the alarm is noticed.
const ALARM: std::time::Duration = secs(12);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_broker_is_short_of_memory_posts_are_refused_in_time_and_accepted_soon_after() {
    let mut installation = Installation::start(&[("PUBLISH_TIMEOUT_MS", "2000")]).await;
    let load = installation.load(8).await;
    let watermark = async |fraction| {
        let arguments = ["-q", "set_vm_memory_high_watermark", fraction];
        installation.broker.rabbitmqctl(&arguments).await;
    };
    watermark("0.00001").await;
    let short = Instant::now();
    until_disconnected(&installation.api.client().anonymous()).await;
    load.until_refused(secs(20), 100).await;
    eventually(secs(20), "the alarm has lasted for a while", async || {
        short.elapsed() > ALARM
    })
    .await;
    load.until_refused(secs(20), 20).await;
    watermark("0.4").await;
    installation.assert_recovers(&load).await;
    let posted = installation.assert_recorded_once(load).await;
    posted.assert_answered_within(secs(3));
}
