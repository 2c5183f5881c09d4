//! Many messages that wait for a start.

use tidings_domain::notification::DeliveredChannel;
use tidings_tests::{ProgramKind, eventually_ok, secs};

use super::{publish, start, stop, until_each_is_sent_once, world};

const COUNT: usize = 3000;

#[tokio::test]
async fn what_has_waited_for_a_start_is_sent_once() {
    let (twilio, world) = world(&[("SMS_CONCURRENCY", "32")]).await;
    let (api, one) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    assert_eq!(stop(&client).await, 0);
    let _ = publish(&world, COUNT).await;
    let amqp = world.amqp().await;
    let queue = amqp.settings.names.channel_queue(DeliveredChannel::Sms);
    eventually_ok(secs(60), "all wait in the queue", async || {
        let depth = amqp.depth(&queue).await;
        (depth as usize == COUNT).then_some(()).ok_or(depth)
    })
    .await;
    let two = world
        .start(ProgramKind::Worker, &[("WORKER_CHANNELS", "sms")])
        .await;
    start(&client).await;
    until_each_is_sent_once(&world, &twilio, COUNT).await;
    drop((one, two));
}
