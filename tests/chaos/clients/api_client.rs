use std::time::Duration;

use anyhow::Context;
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use tidings_tests::tokens;
use uuid::Uuid;

/// How long a client waits for a response.
const LIMIT: Duration = Duration::from_secs(10);

/// How long a client keeps an idle connection. Shorter than the server's keep-alive.
const IDLE_LIMIT: Duration = Duration::from_secs(30);

/// Seconds until a refused item of a batch is posted again.
const RETRY_AFTER: u64 = 2;

/// The outcome of a request.
#[derive(Debug)]
pub enum RequestOutcome {
    /// The outcome of each notification, in order.
    Answered(Vec<NotificationOutcome>),
    /// 503: nothing was accepted. Holds the seconds of `Retry-After`.
    Refused(u64),
    /// No response: the notifications may have been accepted or not.
    Nothing,
    /// A response that a valid request must not get: its status and code, and its body.
    Wrong(String, String),
}

/// The outcome of one notification.
#[derive(Debug)]
pub enum NotificationOutcome {
    /// Accepted under this message id.
    Accepted(Uuid),
    /// Not accepted.
    Refused,
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
            url: format!("http://127.0.0.1:{port}/api/notifications"),
            token: tokens::service(),
        })
    }

    /// Posts a notification, once.
    pub async fn post(&self, body: &Value, key: Option<&str>) -> RequestOutcome {
        let mut request = self.http.post(&self.url).json(body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        self.send(request, |answer| {
            Some(vec![NotificationOutcome::Accepted(message_id(answer)?)])
        })
        .await
    }

    /// Posts several notifications in one request, once.
    pub async fn post_batch(&self, items: &[Value]) -> RequestOutcome {
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
        read: impl FnOnce(&Value) -> Option<Vec<NotificationOutcome>>,
    ) -> RequestOutcome {
        let Ok(answer) = request.bearer_auth(&self.token).send().await else {
            return RequestOutcome::Nothing;
        };
        let (status, retry_after) = (answer.status().as_u16(), retry_after(&answer));
        let Ok(text) = answer.text().await else {
            return RequestOutcome::Nothing;
        };
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        let code = body["code"].as_str().unwrap_or("no code");
        match (status, retry_after) {
            (202 | 207, _) => match read(&body) {
                Some(outcomes) => RequestOutcome::Answered(outcomes),
                None => RequestOutcome::Wrong(format!("{status} with an invalid body"), text),
            },
            (503, Some(secs)) => RequestOutcome::Refused(secs),
            _ => RequestOutcome::Wrong(format!("{status} {code}"), text),
        }
    }
}

impl RequestOutcome {
    /// Seconds until what was not accepted is posted again.
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

/// Returns `None` if a valid item must not get this result.
fn outcome(result: &Value) -> Option<NotificationOutcome> {
    match (result["status"].as_str()?, result["retryable"].as_bool()) {
        ("queued", _) => message_id(result).map(NotificationOutcome::Accepted),
        ("refused", Some(true)) => Some(NotificationOutcome::Refused),
        _ => None,
    }
}

fn message_id(answer: &Value) -> Option<Uuid> {
    answer["messageId"].as_str()?.parse().ok()
}
