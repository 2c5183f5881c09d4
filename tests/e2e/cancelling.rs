//! Cancellation, other times and expiry of notifications, over HTTP.

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use tidings_domain::notification::{Channel, MessageId, Notification};
use tidings_tests::{
    Answer, Client, MockHttpServer, Program, ProgramKind, Response, World, eventually,
    notification, secs, tokens,
};
use uuid::Uuid;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

async fn world() -> (MockHttpServer, World) {
    let receiver = MockHttpServer::start(|_| Response::status(200)).await;
    let world = World::with(&[
        ("WEBHOOK_PROVIDER", "http"),
        ("WEBHOOK_ALLOW_NETS", "127.0.0.1"),
        ("WORKER_CHANNELS", "intake,scheduler,webhook"),
        ("SCHEDULER_POLL_MS", "100"),
    ])
    .await;
    (receiver, world)
}

fn webhook(world: &World, receiver: &MockHttpServer, more: &Value) -> Value {
    let payload = json!({"to": receiver.url("/hook"), "event": "order.shipped", "data": {}});
    let mut body = json!({"targetUserId": world.user, "type": "webhook", "payload": payload});
    let members = more.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(members);
    body
}

fn in_an_hour() -> Value {
    json!({"sendAt": Timestamp::now() + HOUR})
}

async fn cancel(client: &Client, id: MessageId) -> Answer {
    let path = format!("/api/notifications/{id}");
    client.send(client.request(Method::DELETE, &path)).await
}

async fn patch(client: &Client, id: MessageId, body: &Value) -> Answer {
    let path = format!("/api/notifications/{id}");
    client
        .send(client.request(Method::PATCH, &path).json(body))
        .await
}

async fn worker_with(world: &World, stages: &str) -> Program {
    world
        .start(ProgramKind::Worker, &[("WORKER_CHANNELS", stages)])
        .await
}

fn assert_cancelled(answer: &Answer, id: MessageId) {
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.body, json!({"messageId": id, "status": "cancelled"}));
}

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
        let _intake = worker_with(&world, "intake").await;
        let next = client
            .post(&webhook(&world, &receiver, &json!({})))
            .await
            .accepted();
        world.until_status(next, "pending").await;
        next
    };
    let _worker = worker_with(&world, "webhook").await;
    world.until_status(next, "processed").await;
    assert_eq!(receiver.count(), 1);
    assert_eq!(world.database.count("status = 'cancelled'").await, 1);
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

#[tokio::test]
async fn a_group_is_cancelled_as_a_whole() {
    let (receiver, world) = world().await;
    let (api, _worker) = tokio::join!(world.api(), worker_with(&world, "intake"));
    let client = api.client();
    let items: Vec<Value> = (0..1500)
        .map(|number| {
            let mut item = notification(world.user, Channel::InApp);
            item["sendAt"] = json!(Timestamp::now() + HOUR);
            item["group"] = json!(if number < 1200 { "order/1" } else { "order/2" });
            item
        })
        .collect();
    for chunk in items.chunks(1000) {
        assert_eq!(client.post_batch(chunk).await.status, 202);
    }
    world.until_recorded(1500).await;
    let path = "/api/notifications?group=order/1";
    let answer = client.send(client.request(Method::DELETE, path)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let expected = json!({"cancelled": 1200, "beingSent": 0, "maybeMore": false});
    assert_eq!(answer.body, expected);
    assert_eq!(
        world
            .database
            .count("status = 'cancelled' AND group_key = 'order/1'")
            .await,
        1200
    );
    assert_eq!(
        world
            .database
            .count("status = 'scheduled' AND group_key = 'order/2'")
            .await,
        300
    );
    for (path, code) in [
        ("/api/notifications", "missing_fields"),
        ("/api/notifications?group=", "invalid_query"),
        ("/api/notifications?group=a&limit=3", "invalid_query"),
    ] {
        client
            .send(client.request(Method::DELETE, path))
            .await
            .assert_error(400, code);
    }
    drop(receiver);
}

#[tokio::test]
async fn a_scheduled_notification_gets_another_time() {
    let (receiver, world) = world().await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let times =
        json!({"sendAt": Timestamp::now() + HOUR, "expiresAt": Timestamp::now() + HOUR * 2});
    let id = client
        .post(&webhook(&world, &receiver, &times))
        .await
        .accepted();
    world.until_status(id, "scheduled").await;
    for (body, code) in [
        (
            json!({"sendAt": Timestamp::now() + HOUR * 3}),
            "expires_before_send",
        ),
        (
            json!({"sendAt": Timestamp::now() + HOUR * 24 * 367}),
            "send_at_too_far",
        ),
        (json!({"sendAt": "tomorrow"}), "invalid_fields"),
        (json!({}), "missing_fields"),
        (json!({"sendAt": null}), "invalid_fields"),
        (
            json!({"sendAt": Timestamp::now(), "group": "a"}),
            "unknown_fields",
        ),
    ] {
        patch(&client, id, &body).await.assert_error(400, code);
    }
    let unknown = MessageId::generate();
    let now = json!({"sendAt": Timestamp::now()});
    patch(&client, unknown, &now)
        .await
        .assert_error(404, "not_found");
    let local = json!({"sendAt": {"local": "2026-01-01T12:00", "timezone": "Europe/Berlin"}});
    let answer = patch(&client, id, &local).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    world.until_status(id, "processed").await;
    assert_eq!(receiver.count(), 1);
}

#[tokio::test]
async fn the_times_of_a_post_are_checked_together() {
    let (receiver, world) = world().await;
    let api = world.api().await;
    let client = api.client();
    let now = Timestamp::now();
    for (more, code, fields) in [
        (
            json!({"sendAt": now + HOUR * 24 * 400}),
            "send_at_too_far",
            &["sendAt"][..],
        ),
        (
            json!({"sendAt": now + HOUR, "expiresAt": now + HOUR}),
            "expires_before_send",
            &["expiresAt"],
        ),
        (
            json!({"expiresAt": now - HOUR}),
            "expires_before_send",
            &["expiresAt"],
        ),
        (json!({"ttlSecs": 0}), "invalid_fields", &["ttlSecs"]),
        (
            json!({"ttlSecs": 60, "expiresAt": now + HOUR}),
            "invalid_fields",
            &["ttlSecs"],
        ),
        (json!({"group": "two words"}), "invalid_fields", &["group"]),
        (
            json!({"sendAt": {"local": "2027-03-28T02:30", "timezone": "Mars/Base"}, "group": ""}),
            "invalid_fields",
            &["group", "sendAt.timezone"],
        ),
    ] {
        let answer = client.post(&webhook(&world, &receiver, &more)).await;
        answer.assert_error(400, code);
        assert_eq!(answer.fields(), fields, "{more}");
        let batch = client
            .post_batch(&[webhook(&world, &receiver, &more)])
            .await;
        assert_eq!(batch.results(), [Err(code.to_owned())], "{more}");
    }
}

#[tokio::test]
async fn a_notification_is_sent_at_the_time_that_its_post_says() {
    let (receiver, world) = world().await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let soon = json!({"sendAt": Timestamp::now() + SignedDuration::from_secs(2), "ttlSecs": 600, "group": "g"});
    let id = client
        .post(&webhook(&world, &receiver, &soon))
        .await
        .accepted();
    let past = json!({"sendAt": "2020-01-01T00:00:00Z"});
    let at_once = client
        .post(&webhook(&world, &receiver, &past))
        .await
        .accepted();
    world.until_status(id, "scheduled").await;
    world.until_status(at_once, "processed").await;
    world.until_status(id, "processed").await;
    let as_posted = "processed_at >= not_before AND group_key = 'g' AND expires_at = not_before + interval '10 minutes'";
    assert_eq!(world.database.count(as_posted).await, 1);
    eventually(secs(10), "both are sent", async || receiver.count() == 2).await;
}

#[tokio::test]
async fn an_in_app_notification_that_has_expired_leaves_the_list() {
    let (_receiver, world) = world().await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let mut body = world.in_app();
    body["ttlSecs"] = json!(3600);
    let [expired, shown] = [
        client.post(&body).await.accepted(),
        client.post(&body).await.accepted(),
    ];
    for id in [expired, shown] {
        world.until_status(id, "processed").await;
    }
    let listed = async || {
        let page = client.get("/api/notifications").await.body["notifications"].take();
        page.as_array()
            .expect("a list")
            .iter()
            .map(|one| one["messageId"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(listed().await, [json!(shown), json!(expired)]);
    let over =
        format!("UPDATE notifications SET expires_at = now() WHERE message_id = '{expired}'");
    let changed = world
        .database
        .pool
        .run(async |client| Ok(client.execute(&over, &[]).await?));
    assert_eq!(changed.await.expect("changed"), 1);
    assert_eq!(listed().await, [json!(shown)]);
}
