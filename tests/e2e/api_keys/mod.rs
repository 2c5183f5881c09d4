//! API keys and roles.

mod grants;
mod life;
mod logs;
mod many;
mod permissions;
mod processes;
mod requests;
mod roles;
mod tool;

use reqwest::Method;
use serde_json::{Value, json};
use tidings_tests::{Answer, Client};

const KEYS: &str = "/api/keys";

async fn send(client: &Client, method: Method, path: &str, body: &Value) -> Answer {
    client.send(client.request(method, path).json(body)).await
}

/// A key that was created.
struct Key {
    id: String,
    text: String,
}

impl Key {
    fn of(answer: &Answer) -> Self {
        assert!([200, 201].contains(&answer.status), "{}", answer.text);
        let text = |name: &str| answer.body[name].as_str().expect(name).to_owned();
        Self {
            id: text("id"),
            text: text("key"),
        }
    }

    fn path(&self) -> String {
        format!("{KEYS}/{}", self.id)
    }
}

/// Creates a key with these scopes.
async fn create(client: &Client, scopes: &[&str]) -> Key {
    let body = json!({"name": "a key of the tests", "scopes": scopes});
    Key::of(&send(client, Method::POST, KEYS, &body).await)
}

/// Creates a key of a user.
async fn create_for(client: &Client, scopes: &[&str], user: impl serde::Serialize) -> Key {
    let body = json!({"name": "a key of the tests", "scopes": scopes, "userId": user});
    Key::of(&send(client, Method::POST, KEYS, &body).await)
}

/// The actions in the audit log about this, the newest first, with their actors and details.
async fn entries(client: &Client, target: &str) -> Vec<(String, Value, Value)> {
    let answer = client.get(&format!("/api/audit?target={target}")).await;
    let entries = answer.body["entries"].as_array().expect("a list").iter();
    let parts = entries.map(|entry| {
        let action = entry["action"].as_str().expect("an action").to_owned();
        (action, entry["actor"].clone(), entry["details"].clone())
    });
    parts.collect()
}
