use std::time::Duration;

use anyhow::Context;
use serde_json::Value;
use tidings_tests::tokens;
use uuid::Uuid;

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a try got.
#[derive(Debug)]
pub enum Reply {
    /// 202, with the message id.
    Accepted(Uuid),
    /// 503: nothing was promised. After how many seconds to try again.
    Refused(u64),
    /// No answer: it may have been taken or not.
    Nothing,
    /// Something that a right request must not get: its status and code, and its text.
    Wrong(String, String),
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
            // Sooner than the server closes them.
            .pool_idle_timeout(Duration::from_secs(30))
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
        let mut request = self
            .http
            .post(&self.url)
            .bearer_auth(&self.token)
            .json(body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let Ok(answer) = request.send().await else {
            return Reply::Nothing;
        };
        let status = answer.status().as_u16();
        let retry_after = answer.headers().get("Retry-After");
        let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
        let Ok(text) = answer.text().await else {
            return Reply::Nothing;
        };
        match (status, retry_after) {
            (202, _) => match message_id(&text) {
                Some(id) => Reply::Accepted(id),
                None => Reply::Wrong("202 without a message id".to_owned(), text),
            },
            (503, Some(secs)) => Reply::Refused(secs),
            _ => Reply::Wrong(format!("{status} {}", code(&text)), text),
        }
    }
}

/// The `code` of an error.
fn code(answer: &str) -> String {
    let answer: Value = serde_json::from_str(answer).unwrap_or_default();
    answer["code"]
        .as_str()
        .unwrap_or("of no known shape")
        .to_owned()
}

fn message_id(answer: &str) -> Option<Uuid> {
    let answer: Value = serde_json::from_str(answer).ok()?;
    answer["messageId"].as_str()?.parse().ok()
}
