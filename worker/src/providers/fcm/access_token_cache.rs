use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::{Client, Response, StatusCode};
use secrecy::SecretString;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use super::super::redact::error_text;
use super::super::{SendOutcome, http};
use super::ServiceAccount;

/// RFC 7523 §2.1.
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// A token is not used in the last minute of its life, so that it does not expire during a request.
const MARGIN: Duration = Duration::from_mins(1);

/// A token that allows sending push messages, usually for an hour.
#[derive(Debug)]
pub(super) struct AccessToken {
    secret: SecretString,
    fresh_until: Instant,
}

impl AccessToken {
    fn new(granted: TokenResponse, now: Instant) -> Self {
        let lifetime = Duration::from_secs(granted.expires_in);
        let fresh = now.checked_add(lifetime.saturating_sub(MARGIN));
        Self {
            secret: granted.access_token,
            fresh_until: fresh.unwrap_or(now),
        }
    }

    pub(super) const fn secret(&self) -> &SecretString {
        &self.secret
    }

    fn is_fresh(&self, now: Instant) -> bool {
        now < self.fresh_until
    }
}

/// Requests access tokens, one request at a time, and caches the last one.
pub(super) struct AccessTokenCache {
    client: Client,
    account: ServiceAccount,
    last: Mutex<LastRequest>,
}

/// The result of the last request for a token.
enum LastRequest {
    None,
    Token(Arc<AccessToken>),
    Failure { at: Instant, outcome: SendOutcome },
}

/// RFC 6749 §5.1.
#[derive(Deserialize)]
struct TokenResponse {
    access_token: SecretString,
    /// In seconds. A token without it is used once.
    #[serde(default)]
    expires_in: u64,
}

/// RFC 6749 §5.2.
#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenErrorBody {
    error: String,
    error_description: String,
}

impl AccessTokenCache {
    pub(super) fn new(client: Client, account: ServiceAccount) -> Self {
        Self {
            client,
            account,
            last: Mutex::new(LastRequest::None),
        }
    }

    /// Returns a cached or new token other than `refused`, by `deadline`.
    ///
    /// Concurrent callers share one request and its failure.
    ///
    /// # Errors
    ///
    /// Returns the outcome of the message, which was not sent.
    pub(super) async fn get(
        &self,
        deadline: Instant,
        refused: Option<&Arc<AccessToken>>,
    ) -> Result<Arc<AccessToken>, SendOutcome> {
        let arrived = Instant::now();
        let late = |_| SendOutcome::Failed {
            error: "access token: none came in time".to_owned(),
        };
        let mut last = timeout_at(deadline, self.last.lock()).await.map_err(late)?;
        match &*last {
            LastRequest::Token(token)
                if token.is_fresh(Instant::now())
                    && refused.is_none_or(|refused| !Arc::ptr_eq(refused, token)) =>
            {
                return Ok(token.clone());
            }
            LastRequest::Failure { at, outcome } if *at >= arrived => return Err(outcome.clone()),
            _ => {}
        }
        let requested = timeout_at(deadline, self.request(deadline)).await;
        let requested = requested.unwrap_or_else(|elapsed| Err(late(elapsed)));
        *last = match &requested {
            Ok(token) => LastRequest::Token(token.clone()),
            Err(outcome) => LastRequest::Failure {
                at: Instant::now(),
                outcome: outcome.clone(),
            },
        };
        requested
    }

    async fn request(&self, deadline: Instant) -> Result<Arc<AccessToken>, SendOutcome> {
        let assertion = self.account.assertion(Timestamp::now());
        let assertion = assertion.map_err(|error| SendOutcome::CredentialsRefused {
            error: format!("access token: the service account's file {error}"),
        })?;
        let form = [("grant_type", GRANT_TYPE), ("assertion", &assertion)];
        let requested_at = Instant::now();
        let request = self
            .client
            .post(self.account.token_uri().clone())
            .timeout(deadline.saturating_duration_since(requested_at))
            .form(&form);
        let response = request.send().await.map_err(token_request_outcome)?;
        let granted = parse(response).await?;
        Ok(Arc::new(AccessToken::new(granted, requested_at)))
    }
}

/// The outcome is never `Unknown`, because the message was not sent.
fn token_request_outcome(error: reqwest::Error) -> SendOutcome {
    match http::connection_outcome(error) {
        SendOutcome::Unknown { error } | SendOutcome::Failed { error } => SendOutcome::Failed {
            error: format!("access token: {error}"),
        },
        other => other,
    }
}

async fn parse(response: Response) -> Result<TokenResponse, SendOutcome> {
    let (status, headers) = (response.status(), response.headers().clone());
    let body = http::body(response).await;
    if status.is_success() {
        return serde_json::from_slice(&body).map_err(|_| SendOutcome::Failed {
            error: "access token: the response is not valid".to_owned(),
        });
    }
    let error_body: TokenErrorBody = serde_json::from_slice(&body).unwrap_or_default();
    let text = format!("{} {}", error_body.error, error_body.error_description);
    let error = format!("access token: {}", error_text(status, text.trim(), &[]));
    // Google returns these errors with 4xx, too.
    let temporary = [
        "internal_failure",
        "server_error",
        "temporarily_unavailable",
    ];
    Err(match status {
        StatusCode::TOO_MANY_REQUESTS => SendOutcome::Throttled {
            retry_after: http::retry_after(&headers, Timestamp::now()),
            error,
        },
        StatusCode::REQUEST_TIMEOUT => SendOutcome::Failed { error },
        status if status.is_client_error() && !temporary.contains(&error_body.error.as_str()) => {
            SendOutcome::CredentialsRefused { error }
        }
        _ => SendOutcome::Failed { error },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_fresh_until_a_minute_before_it_expires() {
        let now = Instant::now();
        let token = |expires_in| {
            let access_token = SecretString::from("ya29.x");
            AccessToken::new(
                TokenResponse {
                    access_token,
                    expires_in,
                },
                now,
            )
        };
        let after = |seconds| now + Duration::from_secs(seconds);
        assert!(token(3599).is_fresh(after(3538)));
        assert!(!token(3599).is_fresh(after(3539)));
        assert!(!token(30).is_fresh(now));
        assert!(!token(u64::MAX).is_fresh(now));
    }
}
