//! Firebase Cloud Messaging, HTTP v1
//! (<https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send>).

mod access_token_cache;
mod request;
mod response;
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

use super::{Provider, PushMessage, SendOutcome, http};
use access_token_cache::{AccessToken, AccessTokenCache};
use request::SendRequest;
use response::SendResponse;
pub use service_account::{ServiceAccount, ServiceAccountError};
pub use settings::FcmSettings;

/// Sends push messages through FCM.
pub struct Fcm {
    client: Client,
    url: Url,
    tokens: AccessTokenCache,
    timeout: Duration,
}

impl Fcm {
    /// Builds a client whose sends take at most `timeout`, including the request for an access token.
    ///
    /// # Errors
    ///
    /// Fails if the TLS client cannot be built.
    pub fn new(settings: FcmSettings, timeout: Duration) -> Result<Self, reqwest::Error> {
        let client = http::client(timeout).build()?;
        let project = settings.account.project_id();
        let path = ["v1", "projects", project, "messages:send"];
        Ok(Self {
            url: settings.base_url.join(&path),
            tokens: AccessTokenCache::new(client.clone(), settings.account),
            client,
            timeout,
        })
    }

    async fn deliver(&self, message: &PushMessage) -> SendOutcome {
        let deadline = Instant::now() + self.timeout;
        let token = match self.tokens.get(deadline, None).await {
            Ok(token) => token,
            Err(outcome) => return outcome,
        };
        let response = self.post(message, &token, deadline).await;
        if !response.token_refused {
            return response.outcome;
        }
        // The token may have been revoked early. If a new token is refused too, the credentials are wrong.
        match self.tokens.get(deadline, Some(&token)).await {
            Ok(token) => self.post(message, &token, deadline).await.outcome,
            Err(outcome) => outcome,
        }
    }

    async fn post(
        &self,
        message: &PushMessage,
        token: &AccessToken,
        deadline: Instant,
    ) -> SendResponse {
        let remaining = deadline.saturating_duration_since(Instant::now());
        if remaining.is_zero() {
            return SendResponse::from_outcome(SendOutcome::Failed {
                error: "no time was left after asking for an access token".to_owned(),
            });
        }
        let request = self
            .client
            .post(self.url.clone())
            .timeout(remaining)
            .bearer_auth(token.secret().expose_secret())
            .json(&SendRequest::new(message, Timestamp::now()));
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return SendResponse::from_outcome(http::connection_outcome(error)),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let body = http::body(response).await;
        SendResponse::parse(status, &headers, &body, &message.to, Timestamp::now())
    }
}

impl Provider<PushMessage> for Fcm {
    fn name(&self) -> &'static str {
        "fcm"
    }

    fn send<'a>(&'a self, message: &'a PushMessage) -> BoxFuture<'a, SendOutcome> {
        self.deliver(message).boxed()
    }
}

#[cfg(test)]
mod tests;
