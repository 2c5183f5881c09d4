//! The secrets of webhook endpoints are encrypted in the table.

mod command;
mod delivery;
mod production;
mod table;

use serde_json::{Value, json};
use tidings_tests::{Answer, Client, World};

/// Every text of the table.
async fn table_text(world: &World) -> String {
    let sql =
        "SELECT coalesce(string_agg(webhook_endpoints::text, ' '), '') FROM webhook_endpoints";
    let text = world
        .database
        .pool
        .run(async |client| Ok(client.query_one(sql, &[]).await?.get(0)))
        .await;
    text.expect("the table")
}

async fn send(client: &Client, path: &str, body: &Value) -> Answer {
    let method = "POST".parse().expect("a method");
    client.send(client.request(method, path).json(body)).await
}

/// Creates an endpoint. Returns its path and its secret.
pub(crate) async fn create(client: &Client, world: &World, url: &str) -> (String, String) {
    let body = json!({"userId": world.user, "url": url});
    let made = send(client, "/api/webhook-endpoints", &body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let text = |name: &str| made.body[name].as_str().expect("a text").to_owned();
    let path = format!("/api/webhook-endpoints/{}", text("id"));
    (path, text("secret"))
}

/// Replaces the secret of an endpoint. Returns the new one.
async fn rotate(client: &Client, path: &str) -> String {
    let rotated = send(client, &format!("{path}/rotate-secret"), &json!({})).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    rotated.body["secret"]
        .as_str()
        .expect("a secret")
        .to_owned()
}
