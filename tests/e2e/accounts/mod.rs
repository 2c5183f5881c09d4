//! Accounts: users with passwords, sessions and tokens of their own.

mod contacts;
mod deleting;
mod limits;
mod notices;
mod operators;
mod queries;
mod races;
mod recovering;
mod refreshing;
mod strangers;
mod tokens;

use reqwest::Method;
use serde_json::{Value, json};
use tidings_tests::{Answer, Client, Program, ProgramKind, World};
use uuid::Uuid;

const PASSWORD: &str = "correct horse battery";

const SECRET: &str = "7d1f0b5e93c24a6886f1d2c3b4a59687a1b2c3d4e5f60718";

/// Hashes that cost little, for tests that are about something else.
const CHEAP: [(&str, &str); 6] = [
    ("ACCOUNTS", "on"),
    ("ACCOUNTS_SECRET", SECRET),
    ("ARGON2_MEMORY_KIB", "64"),
    ("ARGON2_ITERATIONS", "1"),
    ("TRUSTED_PROXIES", "127.0.0.1"),
    ("CONTROL_POLL_MS", "500"),
];

/// Starts an API with accounts.
async fn start(world: &World, more: &[(&str, &str)]) -> Program {
    let settings = [&CHEAP[..], more].concat();
    world.start(ProgramKind::Api, &settings).await
}

async fn post(client: &Client, path: &str, body: &Value) -> Answer {
    let request = client.request(Method::POST, path).json(body);
    client.send(request).await
}

/// Like [`post`], from another address, as the trusted proxy says.
async fn post_from(client: &Client, address: &str, path: &str, body: &Value) -> Answer {
    let request = client.request(Method::POST, path).json(body);
    client
        .send(request.header("X-Forwarded-For", address))
        .await
}

/// An account that no other test has.
struct Account {
    id: Uuid,
    username: String,
    email: String,
    access: String,
    refresh: String,
}

impl Account {
    /// Registers a user from an address of its own, because a network has few registrations.
    async fn register(client: &Client) -> Self {
        let n = Uuid::new_v4();
        let (username, email) = (format!("anna-{n}"), format!("anna-{n}@example.com"));
        let body = json!({"username": username, "email": email, "password": PASSWORD});
        let address = format!("2001:db8:{}::1", &n.simple().to_string()[..4]);
        let client = client.anonymous();
        let answer = post_from(&client, &address, "/api/auth/register", &body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        assert_eq!(answer.body["user"]["email"], email);
        assert_eq!(answer.body["user"]["username"], username);
        Self {
            id: text(&answer.body["user"]["id"]).parse().expect("a UUID"),
            access: text(&answer.body["accessToken"]),
            refresh: text(&answer.body["refreshToken"]),
            username,
            email,
        }
    }

    fn login(&self, password: &str) -> Value {
        json!({"email": self.email, "password": password})
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

async fn refresh(client: &Client, token: &str) -> Answer {
    post(
        &client.anonymous(),
        "/api/auth/refresh",
        &json!({"refreshToken": token}),
    )
    .await
}

/// Whether the API takes the access token.
async fn is_accepted(client: &Client, access: &str) -> bool {
    let answer = client.with_token(access).get("/api/me").await;
    assert!([200, 401].contains(&answer.status), "{}", answer.text);
    answer.status == 200
}

/// Runs SQL.
async fn execute(world: &World, sql: &str) {
    let run = world
        .database
        .pool
        .run(async |client| Ok(client.batch_execute(sql).await?));
    run.await.expect(sql);
}

/// Returns a text that a query selects, if it selects one.
async fn selected(world: &World, sql: &str) -> Option<String> {
    let run = world
        .database
        .pool
        .run(async |client| Ok(client.query_opt(sql, &[]).await?));
    run.await.expect(sql).map(|row| row.get(0))
}
