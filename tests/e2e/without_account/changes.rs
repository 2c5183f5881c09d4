//! Notifications without a user that are scheduled, expire, are cancelled or get another time.

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use tidings_domain::notification::{DeliveredChannel, MessageId};
use tidings_tests::{MockHttpServer, ProgramKind, Response, World, tokens};

use super::{to_address, with};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_are_scheduled_expire_and_are_changed_by_their_sender_only() {
    let receiver = MockHttpServer::start(|_| Response::status(200)).await;
    let world = World::with(&[
        ("WEBHOOK_PROVIDER", "http"),
        ("WEBHOOK_ALLOW_NETS", "127.0.0.1"),
        ("SCHEDULER_POLL_MS", "100"),
    ])
    .await;
    let stages = [("WORKER_CHANNELS", "intake,scheduler,webhook")];
    let (api, _worker) = tokio::join!(world.api(), world.start(ProgramKind::Worker, &stages));
    let shop = api.client().with_token(tokens::signed(&json!({
        "sub": "shop", "scope": "notifications:send:any",
    })));
    let post = async |more: Value| {
        let mut body = with(to_address(DeliveredChannel::Webhook), &more);
        body["payload"]["to"] = json!(receiver.url("/hook"));
        shop.post(&body).await.accepted()
    };
    let now = Timestamp::now();
    let soon = post(json!({"sendAt": now + SignedDuration::from_secs(1)})).await;
    let times = json!({"sendAt": now + HOUR, "expiresAt": now + HOUR * 2});
    let [expiring, cancelled, moved] = [
        post(times.clone()).await,
        post(times.clone()).await,
        post(times).await,
    ];
    let grouped = post(json!({"sendAt": now + HOUR, "group": "guests"})).await;
    for id in [expiring, cancelled, moved, grouped] {
        world.until_status(id, "scheduled").await;
    }
    world.until_status(soon, "processed").await;

    let passed =
        format!("UPDATE notifications SET expires_at = now() WHERE message_id = '{expiring}'");
    let passed = world
        .database
        .pool
        .run(async |client| Ok(client.execute(&passed, &[]).await?));
    assert_eq!(passed.await.expect("updated"), 1);
    world.until_status(expiring, "expired").await;

    // To others, it looks as if it did not exist.
    let path = |id: MessageId| format!("/api/notifications/{id}");
    let other = json!({"sub": "billing", "scope": "notifications:send:any"});
    let user = tokens::scoped(world.user, "notifications:send");
    for token in [tokens::signed(&other), user] {
        let client = shop.with_token(token);
        let answer = client
            .send(client.request(Method::DELETE, &path(cancelled)))
            .await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        let body = json!({"sendAt": now});
        let request = client.request(Method::PATCH, &path(cancelled)).json(&body);
        client.send(request).await.assert_error(404, "not_found");
    }
    world.until_status(cancelled, "scheduled").await;
    let answer = shop
        .send(shop.request(Method::DELETE, &path(cancelled)))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let group = shop.request(Method::DELETE, "/api/notifications?group=guests");
    let answer = shop.send(group).await;
    assert_eq!(answer.body["cancelled"], 1, "{}", answer.text);
    let request = shop.request(Method::PATCH, &path(moved));
    let answer = shop.send(request.json(&json!({"sendAt": now}))).await;
    assert_eq!(
        (answer.status, &answer.body["targetUserId"]),
        (200, &json!(null))
    );
    world.until_status(moved, "processed").await;
    for id in [cancelled, grouped] {
        world.until_status(id, "cancelled").await;
    }
    assert_eq!(receiver.count(), 2);
}
