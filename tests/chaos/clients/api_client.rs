use std::time::Duration;

use anyhow::Context;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tidings_tests::tokens;
use uuid::Uuid;

use super::responses::{self, GroupAnswer, NotificationOutcome};
use crate::ledger::{CancelAnswer, Group, UserChange};

/// The path of notifications.
const NOTIFICATIONS: &str = "/api/notifications";

/// The scopes of users.
const USER_SCOPES: &str = "inbox preferences:write";

/// How long a client waits for a response.
const LIMIT: Duration = Duration::from_secs(10);

/// How long a client keeps an idle connection. Shorter than the server's keep-alive.
const IDLE_LIMIT: Duration = Duration::from_secs(30);

/// The outcome of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Exchange<T> {
    /// A response that a valid request may get.
    Answered(T),
    /// 503: nothing was done. Holds the seconds of `Retry-After`.
    Refused(u64),
    /// No response: the request may have been processed or not.
    Nothing,
    /// A response that a valid request must not get: its status and code, and its body.
    Wrong(String, String),
}

impl<T> Exchange<T> {
    /// Changes the answer.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Exchange<U> {
        match self {
            Self::Answered(answer) => Exchange::Answered(change(answer)),
            Self::Refused(secs) => Exchange::Refused(secs),
            Self::Nothing => Exchange::Nothing,
            Self::Wrong(what, text) => Exchange::Wrong(what, text),
        }
    }
}

/// An HTTP client of one API process, with persistent connections.
#[derive(Clone)]
pub struct ApiClient {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl ApiClient {
    /// Creates a client for the process at `port`.
    pub fn at(port: u16) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(LIMIT)
            .pool_idle_timeout(IDLE_LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .context("an HTTP client")?;
        Ok(Self {
            http,
            url: format!("http://127.0.0.1:{port}"),
            token: tokens::service(),
        })
    }

    /// Returns a client with the same connections and the token of `user`.
    pub fn of_user(&self, user: Uuid) -> Self {
        Self {
            token: tokens::scoped(user.into(), USER_SCOPES),
            ..self.clone()
        }
    }

    /// Posts a notification, once.
    pub async fn post(
        &self,
        body: &Value,
        key: Option<&str>,
    ) -> Exchange<Vec<NotificationOutcome>> {
        let mut request = self.request(Method::POST, NOTIFICATIONS).json(body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let outcome = self.send(request, responses::posted).await;
        outcome.map(|outcome| vec![outcome])
    }

    /// Posts several notifications in one request, once.
    pub async fn post_batch(&self, items: &[Value]) -> Exchange<Vec<NotificationOutcome>> {
        let batch = json!({ "notifications": items });
        let path = format!("{NOTIFICATIONS}/batch");
        let request = self.request(Method::POST, &path).json(&batch);
        self.send(request, |status, body| {
            responses::posted_batch(status, body, items.len())
        })
        .await
    }

    /// Cancels a notification, once.
    pub async fn cancel(&self, id: Uuid) -> Exchange<CancelAnswer> {
        let request = self.request(Method::DELETE, &format!("{NOTIFICATIONS}/{id}"));
        self.send(request, responses::cancelled).await
    }

    /// Cancels a group, once.
    pub async fn cancel_group(&self, group: Group) -> Exchange<GroupAnswer> {
        let request = self.request(Method::DELETE, &format!("{NOTIFICATIONS}?group={group}"));
        self.send(request, responses::group_cancelled).await
    }

    /// Sends a change of a user, once.
    pub async fn change(&self, change: &UserChange) -> Exchange<()> {
        let (path, body) = change.request();
        let request = self.request(Method::PATCH, path).json(&body);
        self.send(request, |status, _| (status == 200).then_some(()))
            .await
    }

    /// Posts to the link of a recipient without an account, once.
    pub async fn click(&self, path: &str) -> Exchange<()> {
        let request = self.request(Method::POST, path);
        self.send(request, |status, _| (status == 200).then_some(()))
            .await
    }

    /// Creates a request of this client's caller.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.url);
        self.http.request(method, url).bearer_auth(&self.token)
    }

    /// Sends a request. `read` returns `None` for a response that is not an answer.
    pub async fn send<T>(
        &self,
        request: RequestBuilder,
        read: impl FnOnce(u16, &Value) -> Option<T>,
    ) -> Exchange<T> {
        let Ok(response) = request.send().await else {
            return Exchange::Nothing;
        };
        let (status, retry_after) = (response.status().as_u16(), retry_after(&response));
        let Ok(text) = response.text().await else {
            return Exchange::Nothing;
        };
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        match (read(status, &body), status, retry_after) {
            (Some(answer), ..) => Exchange::Answered(answer),
            (None, 503, Some(secs)) => Exchange::Refused(secs),
            _ => {
                let code = body["code"].as_str().unwrap_or("no code");
                Exchange::Wrong(format!("{status} {code}"), text)
            }
        }
    }
}

fn retry_after(response: &Response) -> Option<u64> {
    let value = response.headers().get("Retry-After")?;
    value.to_str().ok()?.parse().ok()
}
