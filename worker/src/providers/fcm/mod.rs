//! Firebase Cloud Messaging, HTTP v1
//! (<https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send>).

mod access_token;
mod answer;
mod note;
mod service_account;
mod settings;

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use reqwest::Client;
use secrecy::ExposeSecret;
use tokio::time::Instant;
use url::Url;

use super::{Provider, PushMessage, Report, http};
use access_token::{AccessToken, AccessTokens};
use answer::Answer;
use note::Note;
pub use service_account::{ServiceAccount, ServiceAccountError};
pub use settings::FcmSettings;

/// Sends push messages through FCM.
pub struct Fcm {
    client: Client,
    url: Url,
    tokens: AccessTokens,
    timeout: Duration,
}

impl Fcm {
    /// A client whose sends take no longer than `timeout`, asking for an access token included.
    ///
    /// # Errors
    ///
    /// When the system's TLS cannot be set up.
    pub fn new(settings: FcmSettings, timeout: Duration) -> Result<Self, reqwest::Error> {
        let client = http::client(timeout).build()?;
        let project = settings.account.project_id();
        let path = ["v1", "projects", project, "messages:send"];
        Ok(Self {
            url: settings.base_url.join(&path),
            tokens: AccessTokens::new(client.clone(), settings.account),
            client,
            timeout,
        })
    }

    async fn deliver(&self, message: &PushMessage) -> Report {
        let deadline = Instant::now() + self.timeout;
        let token = match self.tokens.get(deadline, None).await {
            Ok(token) => token,
            Err(report) => return report,
        };
        let answer = self.post(message, &token, deadline).await;
        if !answer.token_refused {
            return answer.report;
        }
        // It may have been revoked before its time. A new one that is refused too is the operator's.
        match self.tokens.get(deadline, Some(&token)).await {
            Ok(token) => self.post(message, &token, deadline).await.report,
            Err(report) => report,
        }
    }

    async fn post(&self, message: &PushMessage, token: &AccessToken, deadline: Instant) -> Answer {
        let remaining = deadline.saturating_duration_since(Instant::now());
        if remaining.is_zero() {
            return Answer::of(Report::Failed {
                error: "no time was left after asking for an access token".to_owned(),
            });
        }
        let request = self
            .client
            .post(self.url.clone())
            .timeout(remaining)
            .bearer_auth(token.secret().expose_secret())
            .json(&Note::of(message));
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Answer::of(http::no_answer(error)),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let body = http::body(response).await;
        Answer::read(status, &headers, &body, &message.to, Timestamp::now())
    }
}

impl Provider<PushMessage> for Fcm {
    fn name(&self) -> &'static str {
        "fcm"
    }

    fn send<'a>(&'a self, message: &'a PushMessage) -> BoxFuture<'a, Report> {
        self.deliver(message).boxed()
    }
}

#[cfg(test)]
mod tests;
