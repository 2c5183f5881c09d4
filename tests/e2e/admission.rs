//! The API refuses posts while a queue is full, and accepts them once it is drained.

use tidings_broker::WaitTime;
use tidings_domain::notification::Channel;
use tidings_domain::retry::Attempt;
use tidings_tests::{ProgramKind, World, eventually, eventually_ok, notification, secs};

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
async fn webhooks_that_wait_for_their_receivers_refuse_webhooks_only() {
    let world = World::with(&[("QUEUE_MAX_LENGTH", "5")]).await;
    let amqp = world.amqp().await;
    for wait in WaitTime::ALL {
        amqp.shorten_wait_queue(wait.label(), 600_000).await;
    }
    let api = world.api().await;
    let client = api.client();
    // Two in each wait queue.
    for wait in WaitTime::ALL.into_iter().chain(WaitTime::ALL) {
        let mut message = amqp.intake_of(&world.wire());
        message.exchange = amqp.settings.names.wait(wait.label());
        amqp.publish(message).await;
    }
    eventually(secs(20), "the API knows the depths", async || {
        let scrape = api.metrics().await;
        scrape.sum("tidings_queue_depth", &["queue=\"wait."]) == 6
    })
    .await;
    let webhook = notification(world.user, Channel::Webhook);
    let answer = client.post(&webhook).await;
    answer.assert_error(503, "queue_full");
    let sms = notification(world.user, Channel::Sms);
    let _ = client.post(&sms).await.accepted();
    let _ = client.post(&world.in_app()).await.accepted();
}

/// A channel passes through as many delay queues as it has retries.
#[tokio::test]
async fn retries_count_as_waiting_for_the_channels_that_pass_through_their_delay_queue() {
    let world = World::with(&[
        ("QUEUE_MAX_LENGTH", "5"),
        ("MAX_RETRIES", "1"),
        ("WEBHOOK_MAX_RETRIES", "2"),
        ("RETRY_BASE_DELAY_MS", "600000"),
    ])
    .await;
    let api = world.api().await;
    let client = api.client();
    let amqp = world.amqp().await;
    let webhook = notification(world.user, Channel::Webhook);
    let sms = notification(world.user, Channel::Sms);
    let fail = async |attempt| {
        let ladder = amqp.settings.ladder;
        for _ in 0..6 {
            let mut message = amqp.intake_of(&world.wire());
            message.exchange = amqp.settings.names.retry_exchange();
            message.routing_key = Attempt {
                number: attempt,
                ladder,
            }
            .to_string();
            amqp.publish(message).await;
        }
        let label = format!("queue=\"retry.{}\"", attempt + 1);
        eventually(secs(20), "the API knows the depth", async || {
            let scrape = api.metrics().await;
            scrape.sum("tidings_queue_depth", &[&label]) == 6
        })
        .await;
    };
    fail(1).await;
    client.post(&webhook).await.assert_error(503, "queue_full");
    let _ = client.post(&sms).await.accepted();
    let _ = client.post(&world.in_app()).await.accepted();
    fail(0).await;
    for body in [sms, world.in_app()] {
        client.post(&body).await.assert_error(503, "queue_full");
    }
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

/// The queue stays deleted, because the API may declare nothing.
#[tokio::test]
async fn a_missing_queue_hides_no_other_depth_and_is_warned_of_once() {
    let world = World::with(&[
        ("QUEUE_MAX_LENGTH", "20"),
        ("ACCEPT_WITHOUT_BROKER", "false"),
    ])
    .await;
    let amqp = world.declared(&[]).await;
    let url = world.vhost.restricted_url().await;
    let api = world
        .start(ProgramKind::Api, &[("RABBITMQ_URL", &url)])
        .await;
    let client = api.client();
    let delete = async |queue: &str| {
        let path = ["queues", &world.vhost.name, queue];
        world.vhost.management.delete(&path).await.expect("deleted");
    };
    let warning = "the depth of a queue is not known";
    delete("notifications_queue.email").await;
    eventually(secs(20), "the API warns", async || {
        !api.logs().with_message(warning).is_empty()
    })
    .await;
    amqp.publish_all((0..21).map(|_| amqp.intake_of(&world.wire())))
        .await;
    eventually(secs(20), "the API knows the other depth", async || {
        client.post(&world.in_app()).await.status == 503
    })
    .await;
    // A queue whose depth is too large, and which is then gone, refuses nothing any more.
    delete("notifications_queue").await;
    let _ = world.declared(&[]).await;
    eventually(secs(20), "the old depth is forgotten", async || {
        client.post(&world.in_app()).await.status == 202
    })
    .await;
    let warnings = api.logs().with_message(warning);
    let of_email = warnings
        .iter()
        .filter(|it| it["queue"] == "notifications_queue.email");
    assert_eq!(of_email.count(), 1);
}
