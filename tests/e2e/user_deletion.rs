//! `DELETE /api/users/{id}` and the event `user.delete`, to the end.

use reqwest::Method;
use serde_json::json;
use tidings_broker::raw::BasicProperties;
use tidings_tests::{AmqpMessage, Client, World, eventually, secs, tokens};

#[tokio::test]
async fn users_are_erased_whether_a_request_or_an_event_asks_for_it() {
    let world = World::with(&[
        ("WORKER_CHANNELS", "events,intake,scheduler"),
        ("DELETION_GRACE_HOURS", "0"),
        ("SCHEDULER_POLL_MS", "50"),
    ])
    .await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let (by_request, by_event) = (world.database.user().await, world.database.user().await);
    let path = format!("/api/users/{by_request}");
    let delete = async || client.send(client.request(Method::DELETE, &path)).await;
    let first = delete().await;
    assert_eq!(first.status, 202, "{}", first.text);
    let again = delete().await;
    assert_eq!((again.status, &again.body["id"]), (202, &first.body["id"]));
    let amqp = world.amqp().await;
    amqp.publish(AmqpMessage {
        exchange: amqp.settings.names.events_exchange(),
        routing_key: "user.delete".to_owned(),
        properties: BasicProperties::default().with_delivery_mode(2),
        body: json!({"user_id": by_event}).to_string().into_bytes(),
    })
    .await;
    for user in [by_request, by_event] {
        eventually(secs(20), "the user is erased", async || {
            let found = client.get(&format!("/api/users/{user}")).await;
            found.body["username"] == format!("deleted-{user}")
        })
        .await;
    }
    assert_eq!(delete().await.body["status"], "done");
    let put = client
        .request(Method::PUT, &path)
        .json(&json!({"username": "anna"}));
    client.send(put).await.assert_error(410, "user_erased");
    let late = json!({"targetUserId": by_request, "type": "in-app", "payload": {"title": "late"}});
    let id = client.post(&late).await.accepted();
    let sql = format!("message_id = '{id}' AND status = 'suppressed' AND payload = '{{}}'");
    eventually(secs(20), "it is suppressed", async || {
        world.database.count(&sql).await == 1
    })
    .await;
    let nobody = "/api/users/00000000-0000-4000-8000-000000000000";
    let nobody = client.send(client.request(Method::DELETE, nobody)).await;
    nobody.assert_error(404, "not_found");
}

#[tokio::test]
async fn a_deletion_that_waits_is_shown_and_cancelled_by_whoever_may_write_users() {
    let (world, api) = World::shared().await;
    let client = api.client();
    let user = world.database.user().await;
    let path = format!("/api/users/{user}/deletion");
    let none = json!({"deletion": null});
    assert_eq!(client.get(&path).await.body, none);
    let cancel = async |client: &Client| client.send(client.request(Method::DELETE, &path)).await;
    cancel(&client).await.assert_error(404, "no_deletion");
    let request = client.request(Method::DELETE, &format!("/api/users/{user}"));
    let requested = client.send(request).await;
    assert_eq!(requested.body["status"], "waiting", "{}", requested.text);
    let found = client.get(&path).await;
    assert_eq!(found.body["deletion"]["id"], requested.body["id"]);
    assert_eq!(found.body["deletion"]["dueAt"], requested.body["dueAt"]);

    for (scope, reads, writes) in [
        ("users:read", 200, 403),
        ("dashboard", 403, 403),
        ("", 403, 403),
        ("users:write", 403, 200),
    ] {
        let caller = client.with_token(tokens::scoped(world.user, scope));
        let read = caller.get(&path).await;
        assert_eq!(read.status, reads, "{scope}: {}", read.text);
        let written = cancel(&caller).await;
        assert_eq!(written.status, writes, "{scope}: {}", written.text);
        if writes == 200 {
            assert_eq!(written.body["status"], "cancelled");
        }
    }
    assert_eq!(client.get(&path).await.body, none);
    cancel(&client).await.assert_error(404, "no_deletion");
    let audited = format!("/api/audit?action=user.delete_cancel&target={user}");
    let audited = client.get(&audited).await.body;
    assert_eq!(audited["entries"].as_array().map(Vec::len), Some(1));
    let nobody = "/api/users/00000000-0000-4000-8000-000000000000/deletion";
    client.get(nobody).await.assert_error(404, "not_found");
    let no_id = client.get("/api/users/7/deletion").await;
    no_id.assert_error(400, "invalid_user_id");
}
