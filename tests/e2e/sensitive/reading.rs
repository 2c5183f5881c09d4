//! No place shows the payload.

use reqwest::Method;
use serde_json::{Value, json};
use tidings_domain::notification::Channel;
use tidings_tests::{Answer, Client, ProgramKind, World, tokens};

use super::{SECRET, path, sensitive};

fn assert_hidden(answer: &Answer, view: &Value) {
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(view.get("payload").is_some_and(Value::is_null), "{view}");
    assert_eq!(view["payloadHidden"], true, "{view}");
    assert!(!answer.text.contains(SECRET), "{}", answer.text);
}

#[tokio::test]
async fn the_payload_is_hidden_from_everybody() {
    let world = World::with(&[("LOG_LEVEL", "debug")]).await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let single = client
        .post(&sensitive(&world, Channel::Sms))
        .await
        .accepted();
    let items = [
        sensitive(&world, Channel::Email),
        sensitive(&world, Channel::Webhook),
    ];
    let batch = client.post_batch(&items).await.results();
    world.until_recorded(3).await;
    let own = client.with_token(tokens::scoped(world.user, "notifications:read"));
    let ids = [single]
        .into_iter()
        .chain(batch.into_iter().map(|id| id.expect("accepted")));
    for id in ids {
        for reader in [&client, &own] {
            let found = reader.get(&path(id)).await;
            assert_hidden(&found, &found.body);
        }
    }
    for reader in [&client, &own] {
        let list = reader
            .get(&format!("/api/notifications?targetUserId={}", world.user))
            .await;
        let views = list.body["notifications"].as_array().expect("a page");
        assert_eq!(views.len(), 3);
        for view in views {
            assert_hidden(&list, view);
        }
    }
    assert_eq!(
        world
            .database
            .count(&format!("payload::text LIKE '%{SECRET}%'"))
            .await,
        3
    );
    for program in [&api, &worker] {
        assert_eq!(program.logs().count(SECRET), 0);
    }
}

/// An in-app notification has no other way to its user than reading it.
#[tokio::test]
async fn a_user_reads_the_own_in_app_notifications_and_nobody_else_does() {
    let world = World::new().await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let service = api.client();
    let mut body = sensitive(&world, Channel::InApp);
    body["payload"] = json!({"title": SECRET});
    let id = service.post(&body).await.accepted();
    world.until_status(id, "processed").await;
    let own = service.with_token(tokens::scoped(world.user, "notifications:read"));
    let read = own.get(&path(id)).await;
    assert_eq!(read.body["payload"], body["payload"], "{}", read.text);
    assert!(read.body.get("payloadHidden").is_none());
    let list = own.get("/api/notifications").await;
    assert_eq!(list.body["notifications"][0]["payload"], body["payload"]);
    let admin = service.with_token(tokens::scoped(world.user, "admin"));
    for other in [&service, &admin] {
        let found = other.get(&path(id)).await;
        assert_hidden(&found, &found.body);
    }
}

async fn put_template(client: &Client, sensitive: bool) -> Answer {
    let body = json!({"text": "Your code is {{ code }}", "sensitive": sensitive});
    let request = client.request(Method::PUT, "/api/templates/login-code/sms/default");
    client.send(request.json(&body)).await
}

#[tokio::test]
async fn notifications_with_a_sensitive_template_are_sensitive() {
    let world = World::new().await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let body = json!({
        "targetUserId": world.user, "type": "sms", "payload": {"code": SECRET}, "template": {"name": "login-code"},
    });
    for (is_sensitive, count) in [(true, 1), (false, 1), (true, 2)] {
        let put = put_template(&client, is_sensitive).await;
        assert_eq!(
            (put.status, &put.body["sensitive"]),
            (201, &json!(is_sensitive))
        );
        let id = client.post(&body).await.accepted();
        world.until_status(id, "pending").await;
        let found = client.get(&path(id)).await;
        if is_sensitive {
            assert_hidden(&found, &found.body);
        } else {
            assert_eq!(found.body["payload"]["code"], SECRET);
        }
        assert_eq!(world.database.count("sensitive").await, count);
    }
    let shown = client.get("/api/templates/login-code/sms/default").await;
    assert_eq!(shown.body["sensitive"], true);
}

/// What a provider answers may quote what it was sent.
#[tokio::test]
async fn the_answer_of_a_provider_is_not_recorded() {
    let receiver = tidings_tests::MockHttpServer::start(|received| {
        let quote = String::from_utf8_lossy(&received.body).into_owned();
        tidings_tests::Response::status(400).body(quote)
    })
    .await;
    let world = World::with(&[
        ("WEBHOOK_PROVIDER", "http"),
        ("WEBHOOK_ALLOW_NETS", "127.0.0.1"),
        ("WORKER_CHANNELS", "intake,webhook"),
        ("WEBHOOK_MAX_RETRIES", "0"),
        ("LOG_LEVEL", "debug"),
    ])
    .await;
    let api = world.api().await;
    let worker = world.start(ProgramKind::Worker, &[]).await;
    let client = api.client();
    let mut body = sensitive(&world, Channel::Webhook);
    body["payload"]["to"] = json!(receiver.url("/hook"));
    let hidden = client.post(&body).await.accepted();
    world.until_status(hidden, "failed").await;
    // Otherwise this test would show nothing.
    body["sensitive"] = json!(false);
    let plain = client.post(&body).await.accepted();
    world.until_status(plain, "failed").await;
    for (id, quotes) in [(hidden, false), (plain, true)] {
        let attempts = client.get(&format!("{}/attempts", path(id))).await.text;
        assert_eq!(attempts.contains(SECRET), quotes, "{attempts}");
        let row = client.get(&path(id)).await.body["errorMessage"].to_string();
        assert_eq!(row.contains(SECRET), quotes, "{row}");
        let letter = world.tidings(&["dlq", "show", &id.to_string()]);
        let letter = String::from_utf8_lossy(&letter.stdout).into_owned();
        assert_eq!(letter.contains(SECRET), quotes, "{letter}");
    }
    assert_eq!(worker.logs().count(SECRET), 0);
}
