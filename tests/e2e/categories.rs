//! `/api/categories`, and notifications that name a category.

use reqwest::Method;
use serde_json::{Value, json};
use tidings_domain::notification::{Channel, UserId};
use tidings_tests::{
    Answer, Client, Program, ProgramKind, World, eventually, notification, secs, tokens,
};

async fn send(client: &Client, method: Method, name: &str, body: &Value) -> Answer {
    let request = client.request(method, &format!("/api/categories/{name}"));
    let request = if body.is_null() {
        request
    } else {
        request.json(body)
    };
    client.send(request).await
}

async fn put(client: &Client, name: &str, body: &Value) -> Answer {
    send(client, Method::PUT, name, body).await
}

fn of_category(user: UserId, channel: Channel, category: &str) -> Value {
    let mut body = notification(user, channel);
    body["category"] = json!(category);
    body
}

#[tokio::test]
async fn categories_are_managed_and_notifications_name_one_that_exists() {
    let world = World::with(&[("CONTROL_POLL_MS", "60000")]).await;
    let (api, other) = tokio::join!(world.api(), world.api());
    let admin = api.client();
    let user = world.user;
    let news = json!({"kind": "marketing", "label": "News", "defaults": {"sms": false}});
    // Whoever may not write categories learns nothing about them.
    let reader = api
        .client()
        .with_token(tokens::scoped(user, "preferences:write"));
    put(&reader, "news", &news)
        .await
        .assert_error(403, "forbidden");
    put(&admin, "News", &news)
        .await
        .assert_error(400, "invalid_category_name");
    let wrong = put(&admin, "news", &json!({"kind": "urgent", "digest": {}})).await;
    wrong.assert_error(400, "invalid_request");
    assert_eq!(wrong.fields(), ["digest.mode", "kind"]);

    // A process that has not read the table again looks for an unknown name.
    let named = of_category(user, Channel::InApp, "news");
    for client in [&admin, &other.client()] {
        client
            .post(&named)
            .await
            .assert_error(400, "unknown_category");
    }
    let created = put(&admin, "news", &news).await;
    assert_eq!(created.status, 201, "{}", created.text);
    assert_eq!(created.header("Location"), "/api/categories/news");
    assert_eq!(created.body["kind"], "marketing");
    let id = admin.post(&named).await.accepted();
    let _ = other.client().post(&named).await.accepted();
    let again = put(&admin, "news", &news).await;
    assert_eq!((again.status, &again.body), (200, &created.body));

    // All ways in.
    let batch = [named.clone(), of_category(user, Channel::InApp, "gone")];
    let results = admin.post_batch(&batch).await.results();
    assert!(results[0].is_ok(), "{results:?}");
    assert_eq!(results[1], Err("unknown_category".to_owned()));
    let mut schedule = of_category(user, Channel::InApp, "gone");
    schedule["cron"] = json!("0 9 * * 1");
    schedule["timezone"] = json!("Europe/Berlin");
    let post_schedule = async |body: &Value| {
        let request = admin.request(Method::POST, "/api/schedules").json(body);
        admin.send(request).await
    };
    let refused = post_schedule(&schedule).await;
    refused.assert_error(400, "unknown_category");
    schedule["category"] = json!("news");
    let made = post_schedule(&schedule).await;
    assert_eq!((made.status, &made.body["category"]), (201, &json!("news")));

    // `security` is built in, and may be used.
    put(&admin, "security", &news)
        .await
        .assert_error(409, "category_built_in");
    send(&admin, Method::DELETE, "security", &Value::Null)
        .await
        .assert_error(409, "category_built_in");
    let security = of_category(user, Channel::InApp, "security");
    let _ = admin.post(&security).await.accepted();
    let listed = admin.get("/api/categories").await;
    let rows: Vec<_> = listed.body["categories"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| (row["name"].clone(), row["builtIn"].clone()))
        .collect();
    let expected = [
        (json!("news"), json!(false)),
        (json!("security"), json!(true)),
    ];
    assert_eq!(rows, expected);

    let _worker = world.worker().await;
    world.until_status(id, "processed").await;
    let found = admin.get(&format!("/api/notifications/{id}")).await;
    assert_eq!(found.body["category"], "news");
    let deleted = send(&admin, Method::DELETE, "news", &Value::Null).await;
    assert_eq!(deleted.status, 204, "{}", deleted.text);
    for method in [Method::DELETE, Method::GET] {
        let gone = send(&admin, method, "news", &Value::Null).await;
        gone.assert_error(404, "not_found");
    }
    admin
        .post(&named)
        .await
        .assert_error(400, "unknown_category");
}

#[tokio::test]
async fn a_category_that_cannot_be_looked_up_is_not_refused_for_good() {
    let world = World::new().await;
    let away = [(
        "DATABASE_URL",
        "postgres://tidings:tidings@127.0.0.1:9/tidings",
    )];
    let api = Program::start(ProgramKind::Api, world.settings(&away)).await;
    let client = api.client();
    let plain = notification(world.user, Channel::InApp);
    eventually(secs(30), "notifications are accepted", async || {
        client
            .try_post(&plain)
            .await
            .is_ok_and(|answer| answer.status == 202)
    })
    .await;
    let named = client
        .post(&of_category(world.user, Channel::InApp, "news"))
        .await;
    named.assert_error(503, "category_unavailable");
}
