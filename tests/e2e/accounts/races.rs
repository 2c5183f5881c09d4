//! A password is replaced while another request has verified it.

use reqwest::Method;
use serde_json::{Value, json};
use tidings_tests::{Answer, Client, World, eventually, secs};

use super::{Account, PASSWORD, selected, start};

/// Whether a statement of the API waits for a lock.
const WAITING: &str = "SELECT 'waiting' FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' LIMIT 1";

async fn send(client: &Client, method: Method, path: &str, body: &Value) -> Answer {
    client.send(client.request(method, path).json(body)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_is_replaced_after_its_verification_is_worth_nothing() {
    let world = World::new().await;
    let api = start(&world, &[]).await;
    let client = api.client();
    for (method, path) in [
        (Method::POST, "/api/auth/login"),
        (Method::POST, "/api/auth/password"),
        (Method::DELETE, "/api/me"),
    ] {
        let anna = Account::register(&client).await;
        let (body, caller) = match path {
            "/api/auth/login" => (anna.login(PASSWORD), client.anonymous()),
            "/api/auth/password" => (
                json!({"currentPassword": PASSWORD, "newPassword": "a password of somebody else"}),
                client.with_token(&anna.access),
            ),
            _ => (
                json!({"password": PASSWORD}),
                client.with_token(&anna.access),
            ),
        };
        // Another process has set a password, and has not committed it yet.
        let mut change = world
            .database
            .pool
            .dedicated_client()
            .await
            .expect("a connection");
        let transaction = change.transaction().await.expect("a transaction");
        let set = "UPDATE users SET password_hash = 'another' WHERE id = $1";
        transaction.execute(set, &[&anna.id]).await.expect("set");
        let request = tokio::spawn(async move { send(&caller, method, path, &body).await });
        eventually(secs(30), "the request waits", async || {
            selected(&world, WAITING).await.is_some()
        })
        .await;
        transaction.commit().await.expect("committed");
        let answer = request.await.expect("no panic");
        answer.assert_error(401, "invalid_credentials");
        let sql = format!(
            "SELECT (SELECT count(*) FROM sessions WHERE user_id = users.id AND ended_at IS NULL) || ' ' || password_hash
                    || ' ' || (deletion_id IS NULL)
             FROM users WHERE id = '{}'",
            anna.id
        );
        // The session of the registration.
        assert_eq!(
            selected(&world, &sql).await.as_deref(),
            Some("1 another true"),
            "{path}"
        );
    }
}
