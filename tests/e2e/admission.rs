//! The API refuses posts while a queue is full, and accepts them once it is drained.

use tidings_domain::notification::Channel;
use tidings_tests::{World, eventually, eventually_ok, notification, secs};

#[tokio::test]
async fn a_full_intake_queue_makes_posts_fail_with_503_until_it_is_drained() {
    let world = World::with(&[("QUEUE_MAX_LENGTH", "20")]).await;
    let api = world.api().await;
    let client = api.client();
    let amqp = world.amqp().await;
    amqp.publish_all((0..21).map(|_| amqp.intake_of(&world.wire())))
        .await;
    let refused = eventually_ok(secs(2), "the API refuses", async || {
        let answer = client.post(&world.in_app()).await;
        if answer.status == 503 {
            Ok(answer)
        } else {
            Err(answer.text)
        }
    })
    .await;
    refused.assert_error(503, "queue_full");
    let reading = client.get("/api/notifications").await;
    assert_eq!(reading.status, 200, "reading still works");

    let _worker = world.worker().await;
    eventually(secs(20), "it is drained", async || {
        amqp.intake_depth().await == 0
    })
    .await;
    eventually(secs(5), "the API accepts again", async || {
        client.post(&world.in_app()).await.status == 202
    })
    .await;
}

#[tokio::test]
async fn a_full_channel_queue_refuses_only_its_own_channel() {
    let world = World::with(&[("QUEUE_MAX_LENGTH", "5")]).await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let (sms, email) = (Channel::Sms, Channel::Email);
    let amqp = world.amqp().await;
    let mut messages = Vec::new();
    for _ in 0..6 {
        let mut message = world.wire();
        message.channel = sms;
        messages.push(amqp.intake_of(&message));
    }
    amqp.publish_all(messages).await;
    let answer = eventually_ok(secs(20), "the API refuses text messages", async || {
        let answer = client.post(&notification(world.user, sms)).await;
        if answer.status == 503 {
            Ok(answer)
        } else {
            Err(answer.text)
        }
    })
    .await;
    answer.assert_error(503, "queue_full");
    let _ = client
        .post(&notification(world.user, email))
        .await
        .accepted();
    let _ = client.post(&world.in_app()).await.accepted();
}

#[tokio::test]
async fn without_a_limit_nothing_is_refused() {
    let world = World::with(&[("QUEUE_MAX_LENGTH", "0")]).await;
    let api = world.api().await;
    let amqp = world.amqp().await;
    amqp.publish_all((0..50).map(|_| amqp.intake_of(&world.wire())))
        .await;
    // The gauge shows the depth that the API knows.
    eventually(secs(20), "the API knows the depth", async || {
        let scrape = api.metrics().await;
        scrape.sum("tidings_queue_depth", &["intake"]) >= 50
    })
    .await;
    let _ = api.client().post(&world.in_app()).await.accepted();
}
