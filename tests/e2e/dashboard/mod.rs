//! The dashboard: logins, sessions in a cookie, and what protects them.

mod accounts;
mod changes;
mod content;
mod drafts;
mod links;
mod pages;
mod queries;
mod sessions;
mod system;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tidings_tests::{Answer, Client, World};

const SESSION: &str = "/api/dashboard/session";

/// Makes a link with the tool. Returns its token.
fn link(world: &World, role: &str) -> String {
    let base = "http://localhost:3000";
    let arguments = [
        "--json",
        "dashboard",
        "login",
        "--role",
        role,
        "--url",
        base,
    ];
    let output = world.tidings(&arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["role"], role);
    let url = report["url"].as_str().expect("a URL");
    let token = url.strip_prefix("http://localhost:3000/dashboard/login#");
    token.expect("the token in the fragment").to_owned()
}

/// Sends a login, as a page of the API's own origin does.
async fn log_in(client: &Client, body: &Value) -> Answer {
    let request = client.anonymous().request(Method::POST, SESSION);
    let origin = client.url("");
    client
        .send(request.header("Origin", origin).json(body))
        .await
}

/// A browser that has logged in.
struct Browser {
    client: Client,
    /// `name=token`.
    cookie: String,
    csrf_token: String,
    session: Value,
}

impl Browser {
    /// Logs in with a new link.
    async fn with_link(world: &World, client: &Client, role: &str) -> Self {
        let answer = log_in(client, &json!({"link": link(world, role)})).await;
        Self::of(client, &answer)
    }

    /// The browser that got this response to its login.
    fn of(client: &Client, answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{}", answer.text);
        let cookie = answer.header("Set-Cookie");
        let (cookie, attributes) = cookie.split_once("; ").expect("attributes");
        assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Strict");
        Self {
            client: client.anonymous(),
            cookie: cookie.to_owned(),
            csrf_token: answer.body["csrfToken"]
                .as_str()
                .expect("a token")
                .to_owned(),
            session: answer.body.clone(),
        }
    }

    /// The token in the cookie.
    fn token(&self) -> &str {
        self.cookie.strip_prefix("tidings=").expect("the cookie")
    }

    /// A request with the cookie alone.
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, path);
        request.header("Cookie", format!("theme=dark; {}", self.cookie))
    }

    /// A request of the dashboard's own page.
    fn change(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path)
            .header("Origin", self.client.url(""))
            .header("X-CSRF-Token", &self.csrf_token)
    }

    async fn get(&self, path: &str) -> Answer {
        self.client.send(self.request(Method::GET, path)).await
    }

    async fn send(&self, request: RequestBuilder) -> Answer {
        self.client.send(request).await
    }

    /// The status of the session.
    async fn status(&self) -> u16 {
        self.get(SESSION).await.status
    }
}

/// Runs SQL that changes one row.
async fn update_one(world: &World, sql: &str) {
    let run = world
        .database
        .pool
        .run(async |client| Ok(client.execute(sql, &[]).await?));
    assert_eq!(run.await.expect(sql), 1, "{sql}");
}

/// Returns the text that a query selects.
async fn selected(world: &World, sql: &str) -> String {
    let run = world
        .database
        .pool
        .run(async |client| Ok(client.query_one(sql, &[]).await?));
    run.await.expect(sql).get(0)
}
