//! Cancellation of one notification.

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use tidings_domain::notification::{Channel, MessageId, Notification};
use tidings_domain::time::DeliveryWindow;
use tidings_tests::{MockHttpServer, Response, eventually, secs, tokens};
use uuid::Uuid;

use super::{HOUR, assert_cancelled, cancel, in_an_hour, patch, webhook, worker_with, world};

#[tokio::test]
async fn a_scheduled_notification_is_cancelled_for_good() {
    let (receiver, world) = world().await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let id = client
        .post(&webhook(&world, &receiver, &in_an_hour()))
        .await
        .accepted();
    world.until_status(id, "scheduled").await;
    for _ in 0..2 {
        assert_cancelled(&cancel(&client, id).await, id);
    }
    world.until_status(id, "cancelled").await;
    let found = client.get(&format!("/api/notifications/{id}")).await;
    assert_eq!(found.body["decision"]["outcome"], "cancel");
    patch(&client, id, &json!({"sendAt": Timestamp::now()}))
        .await
        .assert_error(409, "not_scheduled");
    assert_eq!(receiver.count(), 0);
}

#[tokio::test]
async fn what_is_sent_or_has_ended_cannot_be_cancelled() {
    let (receiver, world) = world().await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let sent = client
        .post(&webhook(&world, &receiver, &json!({})))
        .await
        .accepted();
    let expired = webhook(
        &world,
        &receiver,
        &json!({"sendAt": Timestamp::now() + HOUR, "ttlSecs": 60}),
    );
    let expired = client.post(&expired).await.accepted();
    world.until_status(sent, "processed").await;
    world.until_status(expired, "scheduled").await;
    let over = "UPDATE notifications SET expires_at = now() WHERE status = 'scheduled'";
    let changed = world
        .database
        .pool
        .run(async |client| Ok(client.execute(over, &[]).await?));
    assert_eq!(changed.await.expect("changed"), 1);
    world.until_status(expired, "expired").await;
    cancel(&client, sent)
        .await
        .assert_error(409, "already_sent");
    cancel(&client, expired)
        .await
        .assert_error(409, "already_ended");
    let nonsense = client.request(Method::DELETE, "/api/notifications/x");
    client
        .send(nonsense)
        .await
        .assert_error(400, "invalid_message_id");
}

/// The message is in the queue of its channel: the claim finds the cancellation.
#[tokio::test]
async fn a_message_whose_notification_is_cancelled_is_not_sent() {
    let (receiver, world) = world().await;
    let (api, mut intake) = tokio::join!(world.api(), worker_with(&world, "intake"));
    let client = api.client();
    let id = client
        .post(&webhook(&world, &receiver, &json!({})))
        .await
        .accepted();
    world.until_status(id, "pending").await;
    intake.stop().await;
    assert_cancelled(&cancel(&client, id).await, id);
    let next = {
        let mut intake = worker_with(&world, "intake").await;
        let next = client
            .post(&webhook(&world, &receiver, &json!({})))
            .await
            .accepted();
        world.until_status(next, "pending").await;
        // It passes the message on after the row is stored. Once it is killed, nobody would.
        intake.stop().await;
        next
    };
    let _worker = worker_with(&world, "webhook").await;
    world.until_status(next, "processed").await;
    assert_eq!(receiver.count(), 1);
    assert_eq!(world.database.count("status = 'cancelled'").await, 1);
}

/// Another copy of its intake message is acknowledged: the row is neither changed nor sent, and there is no dead letter.
#[tokio::test]
async fn another_intake_message_of_a_cancelled_notification_changes_nothing() {
    let (receiver, world) = world().await;
    let worker = world.worker().await;
    let amqp = world.amqp().await;
    let payload = json!({"to": receiver.url("/hook"), "event": "order.shipped", "data": {}});
    let sent = Notification {
        channel: Channel::Webhook,
        payload: serde_json::value::to_raw_value(&payload).expect("JSON"),
        window: DeliveryWindow {
            not_before: Some(Timestamp::now() + HOUR),
            expires_at: None,
        },
        ..world.wire()
    };
    amqp.publish(amqp.intake_of(&sent)).await;
    world.until_status(sent.message_id, "scheduled").await;
    let api = world.api().await;
    let claims = json!({"sub": "operator", "scope": "admin"});
    let administrator = api.client().with_token(tokens::signed(&claims));
    assert_cancelled(
        &cancel(&administrator, sent.message_id).await,
        sent.message_id,
    );
    let mut again = sent.clone();
    again.window = DeliveryWindow::default();
    amqp.publish(amqp.intake_of(&again)).await;
    let duplicates = async || {
        let metrics = worker.metrics().await;
        metrics.sum("tidings_intake_duplicates_total", &[])
    };
    eventually(secs(30), "it is acknowledged", async || {
        duplicates().await == 1
    })
    .await;
    world.until_queues_are_empty().await;
    assert_eq!(world.database.count("status = 'cancelled'").await, 1);
    assert_eq!((receiver.count(), amqp.dead_letter_depth().await), (0, 0));
}

#[tokio::test]
async fn a_notification_is_cancelled_before_it_is_recorded() {
    let (receiver, world) = world().await;
    let api = world.api().await;
    let client = api.client();
    let id = client
        .post(&webhook(&world, &receiver, &json!({})))
        .await
        .accepted();
    let answer = cancel(&client, id).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    assert_eq!(
        answer.body,
        json!({"messageId": id, "status": "cancelling"})
    );
    let next = client
        .post(&webhook(&world, &receiver, &json!({})))
        .await
        .accepted();
    let _worker = world.worker().await;
    world.until_status(next, "processed").await;
    world.until_status(id, "cancelled").await;
    assert_cancelled(&cancel(&client, id).await, id);
    assert_eq!(receiver.count(), 1);
}

#[tokio::test]
async fn while_a_worker_sends_a_notification_it_cannot_be_cancelled() {
    let receiver = MockHttpServer::start(|_| Response::status(200).after(secs(3))).await;
    let (_, world) = world().await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let id = client
        .post(&webhook(&world, &receiver, &json!({})))
        .await
        .accepted();
    receiver.until_received(secs(20), 1).await;
    let answer = cancel(&client, id).await;
    answer.assert_error(409, "being_sent");
    let until: Timestamp = answer.body["leaseUntil"]
        .as_str()
        .expect("a time")
        .parse()
        .expect("RFC 3339");
    assert!(until > Timestamp::now());
    world.until_status(id, "processed").await;
    cancel(&client, id).await.assert_error(409, "already_sent");
}

/// A worker has died: nobody knows whether it has sent.
#[tokio::test]
async fn after_the_lease_of_a_dead_worker_a_cancellation_says_that_it_may_be_sent() {
    let receiver = MockHttpServer::start(|_| Response::status(200).after(secs(60))).await;
    let (_, world) = world().await;
    let (api, mut worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let id = client
        .post(&webhook(&world, &receiver, &json!({})))
        .await
        .accepted();
    receiver.until_received(secs(20), 1).await;
    worker.kill();
    let over = "UPDATE notifications SET lease_until = now() WHERE lease_token IS NOT NULL";
    let changed = world
        .database
        .pool
        .run(async |client| Ok(client.execute(over, &[]).await?));
    assert_eq!(changed.await.expect("changed"), 1);
    for _ in 0..2 {
        let answer = cancel(&client, id).await;
        assert_eq!(
            answer.body,
            json!({"messageId": id, "status": "cancelled", "maybeSent": true})
        );
    }
}

#[tokio::test]
async fn only_the_sender_and_administrators_may_cancel() {
    let (receiver, world) = world().await;
    let (api, _worker) = tokio::join!(world.api(), worker_with(&world, "intake"));
    let with = |claims: Value| api.client().with_token(tokens::signed(&claims));
    let orders =
        with(json!({"sub": "orders", "scope": "notifications:send:any notifications:read"}));
    let other = with(json!({"sub": "billing", "scope": "notifications:send:any"}));
    let own = with(json!({"sub": world.user, "scope": "notifications:send"}));
    let reader = with(json!({"sub": "orders", "scope": "notifications:read"}));
    let post = async || {
        let id = orders
            .post(&webhook(&world, &receiver, &in_an_hour()))
            .await
            .accepted();
        world.until_status(id, "scheduled").await;
        id
    };
    let id = post().await;
    // They must not learn that it exists.
    for stranger in [&other, &own] {
        assert_eq!(cancel(stranger, id).await.status, 202);
    }
    assert_eq!(world.database.count("status = 'scheduled'").await, 1);
    cancel(&reader, id).await.assert_error(403, "forbidden");
    patch(&other, id, &json!({"sendAt": Timestamp::now()}))
        .await
        .assert_error(404, "not_found");
    assert_cancelled(&cancel(&orders, id).await, id);
    let id = post().await;
    let admin = with(json!({"sub": "operator", "scope": "admin"}));
    assert_cancelled(&cancel(&admin, id).await, id);
    // The cancellation of another sender does not count.
    let unrecorded = MessageId::from(Uuid::now_v7());
    assert_eq!(cancel(&other, unrecorded).await.status, 202);
    let mine = Notification {
        message_id: unrecorded,
        sender: Some("orders".to_owned()),
        ..world.wire()
    };
    let amqp = world.amqp().await;
    amqp.publish(amqp.intake_of(&mine)).await;
    world.until_status(unrecorded, "processed").await;
}
