//! Cancellation of a group.

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use tidings_domain::notification::Channel;
use tidings_tests::notification;

use super::{HOUR, worker_with, world};

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
