//! The channels with a provider.

use tidings_broker::Stage;
use tidings_domain::notification::{Channel, DeliveredChannel, DeliveryRequest};
use tidings_tests::{World, eventually, notification, secs};

#[tokio::test]
async fn a_notification_with_a_provider_is_pending_and_has_one_message_in_its_channels_queue() {
    let world = World::new().await;
    let (api, mut worker) = tokio::join!(world.api(), world.worker());
    let mut posted = Vec::new();
    for channel in DeliveredChannel::ALL {
        let answer = api
            .client()
            .post(&notification(world.user, channel.into()))
            .await;
        posted.push((channel, answer.accepted()));
    }
    eventually(secs(20), "all are recorded", async || {
        world
            .database
            .count("status = 'pending' AND processed_at IS NULL")
            .await
            == 4
    })
    .await;
    // When it stops, the worker has published the messages for all recorded rows.
    worker.stop().await;
    let amqp = world.amqp().await;
    for (channel, id) in posted {
        let queue = amqp.settings.names.channel_queue(channel);
        let waiting = amqp.drain(&queue).await;
        assert_eq!(waiting.len(), 1, "{queue}");
        let message = &waiting[0].delivery;
        let request = DeliveryRequest::decode(&message.data).expect("a delivery request");
        assert_eq!(request.message_id, id);
        let stage = Stage::of(&message.properties);
        assert_eq!(stage, Some(Stage::Delivery(channel)));
        assert_eq!(*message.properties.delivery_mode(), Some(2), "persistent");
        assert!(message.routing_key.as_str().starts_with("attempt.0."));
    }
    assert_eq!(amqp.intake_depth().await, 0);
    assert_eq!(amqp.dead_letter_depth().await, 0);
}

/// The state after a crash between the commit and the publish.
#[tokio::test]
async fn a_redelivered_message_of_a_pending_row_is_published_again() {
    let world = World::new().await;
    let amqp = world.declared(&[]).await;
    let mut email = world.wire();
    email.channel = Channel::Email;
    let client = world
        .database
        .pool
        .dedicated_client()
        .await
        .expect("a connection");
    let recorded = tidings_db::notifications::insert_batch(&*client, &[&email]).await;
    assert_eq!(recorded.expect("recorded").len(), 1);
    amqp.publish(amqp.intake_of(&email)).await;
    let mut worker = world.worker().await;
    let queue = amqp.settings.names.channel_queue(DeliveredChannel::Email);
    eventually(secs(20), "it waits for its delivery", async || {
        amqp.depth(&queue).await == 1
    })
    .await;
    worker.stop().await;
    assert_eq!(amqp.intake_depth().await, 0);
    assert_eq!(world.database.count("status = 'pending'").await, 1);
}
