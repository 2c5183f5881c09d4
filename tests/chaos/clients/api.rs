use std::time::Duration;

use anyhow::Context;
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use tidings_tests::tokens;
use uuid::Uuid;

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a client keeps a connection that it does not use: not as long as the server does.
const IN_RESERVE: Duration = Duration::from_secs(30);

/// When to try again what was refused as a part of a batch.
const RETRY_AFTER: u64 = 2;

/// What a request got.
#[derive(Debug)]
pub enum Reply {
    /// The outcome of each notification, in their order.
    Answered(Vec<Outcome>),
    /// 503: nothing was promised. After how many seconds to try again.
    Refused(u64),
    /// No answer: it may have been taken or not.
    Nothing,
    /// Something that a right request must not get: its status and code, and its text.
    Wrong(String, String),
}

/// What became of one notification.
#[derive(Debug)]
pub enum Outcome {
    /// It is promised, under this message id.
    Accepted(Uuid),
    /// Nothing was promised.
    Refused,
}

/// An HTTP client of one process of the API, over connections that stay open.
#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Api {
    /// Of the process behind `port`.
    pub fn at(port: u16) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            .pool_idle_timeout(IN_RESERVE)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .context("an HTTP client")?;
        Ok(Self {
            http,
            url: format!("http://127.0.0.1:{port}/api/notifications"),
            token: tokens::service(),
        })
    }

    /// Posts a notification, once.
    pub async fn post(&self, body: &Value, key: Option<&str>) -> Reply {
        let mut request = self.http.post(&self.url).json(body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        self.send(request, |answer| {
            Some(vec![Outcome::Accepted(message_id(answer)?)])
        })
        .await
    }

    /// Posts several in one request, once.
    pub async fn post_batch(&self, items: &[Value]) -> Reply {
        let batch = json!({ "notifications": items });
        let request = self.http.post(format!("{}/batch", self.url)).json(&batch);
        let outcomes = |answer: &Value| {
            let results = answer["results"].as_array()?;
            let outcomes: Option<Vec<_>> = results.iter().map(outcome).collect();
            outcomes.filter(|outcomes| outcomes.len() == items.len())
        };
        self.send(request, outcomes).await
    }

    async fn send(
        &self,
        request: RequestBuilder,
        read: impl FnOnce(&Value) -> Option<Vec<Outcome>>,
    ) -> Reply {
        let Ok(answer) = request.bearer_auth(&self.token).send().await else {
            return Reply::Nothing;
        };
        let (status, retry_after) = (answer.status().as_u16(), retry_after(&answer));
        let Ok(text) = answer.text().await else {
            return Reply::Nothing;
        };
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        let code = body["code"].as_str().unwrap_or("of no known shape");
        match (status, retry_after) {
            (202 | 207, _) => match read(&body) {
                Some(outcomes) => Reply::Answered(outcomes),
                None => Reply::Wrong(format!("{status} that cannot be read"), text),
            },
            (503, Some(secs)) => Reply::Refused(secs),
            _ => Reply::Wrong(format!("{status} {code}"), text),
        }
    }
}

impl Reply {
    /// When to try again what was not accepted.
    pub const fn retry_after(&self) -> u64 {
        match self {
            Self::Refused(secs) => *secs,
            _ => RETRY_AFTER,
        }
    }
}

fn retry_after(answer: &Response) -> Option<u64> {
    let value = answer.headers().get("Retry-After")?;
    value.to_str().ok()?.parse().ok()
}

/// `None` where the answer is none to an item with which nothing is wrong.
fn outcome(result: &Value) -> Option<Outcome> {
    match (result["status"].as_str()?, result["retryable"].as_bool()) {
        ("queued", _) => message_id(result).map(Outcome::Accepted),
        ("refused", Some(true)) => Some(Outcome::Refused),
        _ => None,
    }
}

fn message_id(answer: &Value) -> Option<Uuid> {
    answer["messageId"].as_str()?.parse().ok()
}
