use reqwest::Method;
use serde_json::json;
use tidings_tests::{World, tokens};

use super::{ALL, create, delete, patch, post, schedule, send};

#[tokio::test]
async fn schedules_need_their_scope_and_the_right_to_send() {
    let (world, api) = World::shared().await;
    let other = world.database.user().await;
    let scoped = |scope| api.client().with_token(tokens::scoped(world.user, scope));
    for (scope, own, others, list) in [
        ("", 403, 403, 403),
        ("notifications:send:any notifications:read", 403, 403, 403),
        ("schedules:write", 201, 403, 200),
        ("schedules:write notifications:read", 201, 403, 200),
        ("schedules:write notifications:send", 201, 403, 200),
        ("schedules:write notifications:send:any", 201, 201, 200),
        ("admin", 201, 201, 200),
    ] {
        let client = scoped(scope);
        let may_send = scope.contains("send") || scope == "admin";
        let expected = |status| if may_send { status } else { 403 };
        let answers = [
            post(&client, ALL, &schedule(world.user, &json!({}))).await,
            post(&client, ALL, &schedule(other, &json!({}))).await,
            client.get(ALL).await,
        ];
        let statuses = answers.map(|answer| answer.status);
        assert_eq!(
            statuses,
            [expected(own), expected(others), expected(list)],
            "{scope}"
        );
    }
    // The rules for addresses and templates are those of notifications.
    let client = scoped("schedules:write notifications:send");
    for more in [
        json!({"type": "sms", "payload": {"text": "Hi", "to": "+4915112345678"}}),
        json!({"type": "sms", "payload": {}, "template": {"name": "a"}}),
    ] {
        let refused = post(&client, ALL, &schedule(world.user, &more)).await;
        refused.assert_error(403, "forbidden");
    }
    let sms = json!({"type": "sms", "payload": {"text": "Hi"}});
    let (path, _) = create(&client, world.user, &sms).await;
    let change = json!({"payload": {"text": "Hi", "to": "+4915112345678"}});
    patch(&client, &path, &change)
        .await
        .assert_error(403, "forbidden");
}

#[tokio::test]
async fn a_foreign_schedule_is_answered_like_a_missing_one() {
    let (world, api) = World::shared().await;
    let service = |subject| {
        let scope = "schedules:write notifications:send:any";
        let token = tokens::signed(&json!({"sub": subject, "scope": scope}));
        api.client().with_token(token)
    };
    let name = uuid::Uuid::new_v4();
    let [owner, stranger] = ["owner", "stranger"].map(|role| service(format!("{role}-{name}")));
    let (path, created) = create(&owner, world.user, &json!({})).await;
    let missing = format!("{ALL}/{}", uuid::Uuid::now_v7());
    for (method, suffix) in [
        (Method::GET, ""),
        (Method::GET, "/preview"),
        (Method::PATCH, ""),
        (Method::DELETE, ""),
        (Method::POST, "/pause"),
        (Method::POST, "/resume"),
    ] {
        let body = (method == Method::PATCH).then(|| json!({"graceSecs": 60}));
        let mut answers = Vec::new();
        for path in [&path, &missing] {
            let path = format!("{path}{suffix}");
            let answer = send(&stranger, method.clone(), &path, body.as_ref()).await;
            answer.assert_error(404, "not_found");
            answers.push(answer.body["message"].clone());
        }
        assert_eq!(answers[0], answers[1], "{method} {suffix}");
    }
    let list = stranger.get(ALL).await;
    assert_eq!(list.body["schedules"], json!([]));
    assert_eq!(owner.get(&path).await.body, created);
    // A user's own token does not reach what a service with the same subject has created for others.
    let admin = api.client();
    assert_eq!(admin.get(&path).await.status, 200);
    assert_eq!(delete(&admin, &path).await.status, 204);
}

/// The token of a user carries the subject of a service.
#[tokio::test]
async fn a_user_reaches_only_schedules_for_itself() {
    let (world, api) = World::shared().await;
    let scoped = |scope| api.client().with_token(tokens::scoped(world.user, scope));
    let service = scoped("schedules:write notifications:send:any");
    let user = scoped("schedules:write notifications:send");
    let other = world.database.user().await;
    let (for_other, _) = create(&service, other, &json!({})).await;
    let (for_user, _) = create(&service, world.user, &json!({})).await;
    user.get(&for_other).await.assert_error(404, "not_found");
    assert_eq!(user.get(&for_user).await.status, 200);
    let list = user.get(ALL).await;
    assert_eq!(list.body["schedules"].as_array().map(Vec::len), Some(1));
}
