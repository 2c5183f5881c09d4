//! Marketing without a link.

use reqwest::Method;
use serde_json::{Value, json};
use tidings_tests::World;

use super::{email, put_category};

#[tokio::test]
async fn marketing_by_e_mail_needs_a_link_to_unsubscribe() {
    let (world, api) = World::shared().await;
    let client = api.client();
    put_category(&client, "unlinked-news", &json!({"kind": "marketing"})).await;
    put_category(&client, "linked-orders", &json!({"unsubscribe": true})).await;
    let marketing = email(Some("unlinked-news"), "a@example.org");
    client
        .post(&marketing)
        .await
        .assert_error(400, "unsubscribe_url_missing");
    let results = client
        .post_batch(std::slice::from_ref(&marketing))
        .await
        .results();
    assert_eq!(results, [Err("unsubscribe_url_missing".to_owned())]);
    let mut templated = marketing.clone();
    templated["template"] = json!({"name": "news"});
    client
        .post(&templated)
        .await
        .assert_error(400, "unsubscribe_url_missing");

    // Schedules, new and changed.
    let mut schedule = marketing.clone();
    for (member, value) in [
        ("targetUserId", json!(world.user)),
        ("cron", json!("0 9 1 1 *")),
        ("timezone", json!("UTC")),
    ] {
        schedule[member] = value;
    }
    let send = async |method, path: &str, body: &Value| {
        client.send(client.request(method, path).json(body)).await
    };
    send(Method::POST, "/api/schedules", &schedule)
        .await
        .assert_error(400, "unsubscribe_url_missing");
    schedule["category"] = json!("linked-orders");
    let created = send(Method::POST, "/api/schedules", &schedule).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let path = format!(
        "/api/schedules/{}",
        created.body["id"].as_str().expect("an id")
    );
    let change = json!({"category": "unlinked-news"});
    send(Method::PATCH, &path, &change)
        .await
        .assert_error(400, "unsubscribe_url_missing");

    let mut linked = marketing.clone();
    linked["payload"]["unsubscribeUrl"] = json!("https://shop.example.com/stop");
    let mut in_app = world.in_app();
    in_app["category"] = json!("unlinked-news");
    for right in [
        linked,
        in_app,
        email(Some("linked-orders"), "a@example.org"),
    ] {
        let _ = client.post(&right).await.accepted();
    }
}
