//! Scheduled notifications of a stopped channel wait in their table.

use jiff::{SignedDuration, Timestamp};
use tidings_domain::notification::{DeliveredChannel, Notification};
use tidings_domain::time::DeliveryWindow;
use tidings_tests::{eventually, secs};

use super::{sms, start, stop, until_each_is_sent_once, until_state, world};

#[tokio::test]
async fn scheduled_notifications_wait_for_a_start_and_still_expire() {
    let stages = ("WORKER_CHANNELS", "intake,scheduler,sms");
    let (twilio, world) = world(&[stages, ("SCHEDULER_POLL_MS", "100")]).await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    assert_eq!(stop(&client).await, 0);
    until_state(&worker, "stopped").await;
    let soon = Timestamp::now() + SignedDuration::from_secs(2);
    let later = soon + SignedDuration::from_secs(1);
    let amqp = world.amqp().await;
    let with = |not_before, expires_at| Notification {
        window: DeliveryWindow {
            not_before,
            expires_at,
        },
        ..sms(&world)
    };
    let [sent, expired, in_queue] = [
        with(Some(soon), None),
        with(Some(soon), Some(later)),
        with(None, Some(later)),
    ];
    let all = [&sent, &expired, &in_queue];
    amqp.publish_all(all.map(|one| amqp.intake_of(one))).await;
    world.until_status(expired.message_id, "expired").await;
    world.until_status(in_queue.message_id, "expired").await;
    // Its time is over, and it was not released.
    let waits = "status = 'scheduled' AND not_before <= now() AND release_until IS NULL";
    eventually(secs(10), "it waits", async || {
        world.database.count(waits).await == 1
    })
    .await;
    let queue = amqp.settings.names.channel_queue(DeliveredChannel::Sms);
    assert_eq!(amqp.depth(&queue).await, 1, "what was not scheduled");
    let metrics = worker.metrics().await;
    let released = ["type=\"sms\""];
    assert_eq!(
        metrics.sum("tidings_scheduler_released_total", &released),
        0
    );
    start(&client).await;
    world.until_status(sent.message_id, "processed").await;
    let delete = "DELETE FROM notifications WHERE status = 'expired'";
    let deleted = world
        .database
        .pool
        .run(async |client| Ok(client.execute(delete, &[]).await?));
    assert_eq!(deleted.await.expect("deleted"), 2);
    until_each_is_sent_once(&world, &twilio, 1).await;
}
