//! Quiet hours, and the settings of users.

pub(crate) mod holding;
mod settings;
mod unseen;

use reqwest::Method;
use serde_json::{Value, json};
use tidings_domain::notification::UserId;
use tidings_tests::{Answer, Client};

fn path(user: UserId) -> String {
    format!("/api/users/{user}/settings")
}

async fn patch(client: &Client, path: &str, body: &Value) -> Answer {
    let request = client.request(Method::PATCH, path).json(body);
    client.send(request).await
}

/// Every day from the one time to the other.
fn daily(from: &str, to: &str) -> Value {
    json!([{"days": [1, 2, 3, 4, 5, 6, 7], "from": from, "to": to}])
}
