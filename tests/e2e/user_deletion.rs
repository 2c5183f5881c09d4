//! `DELETE /api/users/{id}` and the event `user.delete`, to the end.

use reqwest::Method;
use serde_json::json;
use tidings_broker::raw::BasicProperties;
use tidings_tests::{AmqpMessage, World, eventually, secs};

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
