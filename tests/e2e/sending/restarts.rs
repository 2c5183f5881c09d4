//! A stop survives restarts, and PostgreSQL that is away.

use tidings_domain::notification::DeliveredChannel;
use tidings_tests::{ProgramKind, eventually_ok, secs};

use super::{publish, start, stop, until_each_is_sent_once, until_state, world};

#[tokio::test]
async fn workers_that_are_restarted_while_sending_is_stopped_send_nothing() {
    let (twilio, world) = world(&[]).await;
    let (api, mut one) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    assert_eq!(stop(&client).await, 0);
    until_state(&one, "stopped").await;
    let _ = publish(&world, 100).await;
    world.until_recorded(100).await;
    one.kill();
    one.start_again().await;
    one.until_ready().await;
    let two = world.start(ProgramKind::Worker, &[]).await;
    let _ = publish(&world, 100).await;
    world.until_recorded(200).await;
    let amqp = world.amqp().await;
    let queue = amqp.settings.names.channel_queue(DeliveredChannel::Sms);
    eventually_ok(secs(30), "all wait in the queue", async || {
        let depth = amqp.depth(&queue).await;
        // The worker that was killed may have left copies.
        (depth >= 200).then_some(()).ok_or(depth)
    })
    .await;
    for worker in [&one, &two] {
        until_state(worker, "stopped").await;
        let health = worker.client().get("/health").await;
        assert_eq!(
            (health.status, &health.body["status"]),
            (200, &"healthy".into())
        );
        let metrics = worker.metrics().await;
        // The gates were closed before the first message.
        assert_eq!(metrics.sum("tidings_messages_deferred_total", &[]), 0);
        assert_eq!(
            metrics.sum("tidings_sending_stopped", &["channel=\"sms\""]),
            1
        );
    }
    assert_eq!(twilio.count(), 0);
    start(&client).await;
    until_each_is_sent_once(&world, &twilio, 200).await;
    until_state(&two, "delivering").await;
}
