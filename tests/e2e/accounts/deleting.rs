//! `DELETE /api/me`.

use reqwest::Method;
use serde_json::json;
use tidings_db::TransactionOptions;
use tidings_db::audit::{ActorKind, AuditOrigin};
use tidings_db::user_deletions;
use tidings_tests::{Answer, Client, World, eventually, secs};

use super::{Account, PASSWORD, execute, is_accepted, post, refresh, start, text};

async fn delete(client: &Client, password: &str) -> Answer {
    let request = client.request(Method::DELETE, "/api/me");
    client
        .send(request.json(&json!({"password": password})))
        .await
}

/// Whether the API takes the key.
async fn key_works(client: &Client, key: &str) -> bool {
    let answer = client.with_token(key).get("/api/notifications").await;
    assert!([200, 401].contains(&answer.status), "{}", answer.text);
    answer.status == 200
}

/// The sessions end and the keys are suspended, until the deletion is cancelled.
#[tokio::test]
async fn a_user_deletes_the_own_account_with_the_password() {
    let world = World::new().await;
    let api = start(&world, &[]).await;
    let service = api.client();
    let anna = Account::register(&service).await;
    let client = service.with_token(&anna.access);
    let key = json!({"name": "anna's", "scopes": ["notifications:read"], "userId": anna.id});
    let key = text(&post(&service, "/api/keys", &key).await.body["key"]);
    assert!(key_works(&service, &key).await);

    let refused = delete(&client, "a wrong password").await;
    refused.assert_error(401, "invalid_credentials");
    let make_admin = format!("UPDATE users SET role = 'admin' WHERE id = '{}'", anna.id);
    execute(&world, &make_admin).await;
    delete(&client, PASSWORD)
        .await
        .assert_error(409, "last_admin");
    let make_user = format!("UPDATE users SET role = 'user' WHERE id = '{}'", anna.id);
    execute(&world, &make_user).await;

    let deleted = delete(&client, PASSWORD).await;
    assert_eq!(
        (deleted.status, &deleted.body["status"]),
        (202, &json!("waiting")),
        "{}",
        deleted.text
    );
    let due = &deleted.body["dueAt"];
    let ended = refresh(&service, &anna.refresh).await;
    ended.assert_error(401, "invalid_refresh_token");
    eventually(
        secs(10),
        "the tokens and the keys are refused",
        async || !is_accepted(&service, &anna.access).await && !key_works(&service, &key).await,
    )
    .await;
    let login = post(&service, "/api/auth/login", &anna.login(PASSWORD)).await;
    login.assert_error(403, "account_deleting");
    let details = &login.body["details"][0];
    assert_eq!(
        (&details["field"], &details["message"]),
        (&json!("dueAt"), due)
    );
    // Who does not know the password learns nothing.
    let stranger = post(&service, "/api/auth/login", &anna.login("a wrong password")).await;
    stranger.assert_error(401, "invalid_credentials");

    let origin = AuditOrigin::new(ActorKind::System, "tests");
    let id = text(&deleted.body["id"]).parse().expect("a UUID");
    let cancelled = world
        .database
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            user_deletions::cancel(transaction, &origin, id).await
        })
        .await;
    assert!(cancelled.expect("the queries").is_some());
    let login = post(&service, "/api/auth/login", &anna.login(PASSWORD)).await;
    assert_eq!(login.status, 200, "{}", login.text);
    eventually(secs(10), "the key is valid again", async || {
        key_works(&service, &key).await
    })
    .await;
}
