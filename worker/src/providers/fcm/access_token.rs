use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::{Client, Response, StatusCode};
use secrecy::SecretString;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use super::super::words::words;
use super::super::{Report, http};
use super::ServiceAccount;

/// RFC 7523 §2.1.
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// How long before its end a token is no longer used: it must not end on the way.
const MARGIN: Duration = Duration::from_mins(1);

/// Lets its bearer send push messages for about an hour.
#[derive(Debug)]
pub(super) struct AccessToken {
    secret: SecretString,
    fresh_until: Instant,
}

impl AccessToken {
    fn new(granted: Granted, now: Instant) -> Self {
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

/// Asks for access tokens, one request at a time, and keeps the last.
pub(super) struct AccessTokens {
    client: Client,
    account: ServiceAccount,
    last: Mutex<Last>,
}

/// What the last request for a token brought.
enum Last {
    Nothing,
    Token(Arc<AccessToken>),
    Failure { at: Instant, report: Report },
}

/// RFC 6749 §5.1.
#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    /// In seconds. A token that does not say so is used once.
    #[serde(default)]
    expires_in: u64,
}

/// RFC 6749 §5.2.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refused {
    error: String,
    error_description: String,
}

impl AccessTokens {
    pub(super) fn new(client: Client, account: ServiceAccount) -> Self {
        Self {
            client,
            account,
            last: Mutex::new(Last::Nothing),
        }
    }

    /// A token other than `refused`, kept or new, by `deadline`. Where there is none: what becomes of
    /// the message, which has not been sent.
    ///
    /// Whoever comes while one is being asked for waits for it, and shares the failure too: many sends
    /// that start at once ask once.
    pub(super) async fn get(
        &self,
        deadline: Instant,
        refused: Option<&Arc<AccessToken>>,
    ) -> Result<Arc<AccessToken>, Report> {
        let arrived = Instant::now();
        let late = |_| Report::Failed {
            error: "access token: none came in time".to_owned(),
        };
        let mut last = timeout_at(deadline, self.last.lock()).await.map_err(late)?;
        match &*last {
            Last::Token(token)
                if token.is_fresh(Instant::now())
                    && refused.is_none_or(|refused| !Arc::ptr_eq(refused, token)) =>
            {
                return Ok(token.clone());
            }
            Last::Failure { at, report } if *at >= arrived => return Err(report.clone()),
            _ => {}
        }
        let asked = timeout_at(deadline, self.ask(deadline)).await;
        let asked = asked.unwrap_or_else(|elapsed| Err(late(elapsed)));
        *last = match &asked {
            Ok(token) => Last::Token(token.clone()),
            Err(report) => Last::Failure {
                at: Instant::now(),
                report: report.clone(),
            },
        };
        asked
    }

    async fn ask(&self, deadline: Instant) -> Result<Arc<AccessToken>, Report> {
        let assertion = self.account.assertion(Timestamp::now());
        let assertion = assertion.map_err(|error| Report::CredentialsRefused {
            error: format!("access token: the service account's file {error}"),
        })?;
        let form = [("grant_type", GRANT_TYPE), ("assertion", &assertion)];
        let asked_at = Instant::now();
        let request = self
            .client
            .post(self.account.token_uri().clone())
            .timeout(deadline.saturating_duration_since(asked_at))
            .form(&form);
        let response = request.send().await.map_err(no_token)?;
        let granted = read(response).await?;
        Ok(Arc::new(AccessToken::new(granted, asked_at)))
    }
}

/// Whatever happened on the way to a token, the message has not been sent: that is never unknown.
fn no_token(error: reqwest::Error) -> Report {
    match http::no_answer(error) {
        Report::Unknown { error } | Report::Failed { error } => Report::Failed {
            error: format!("access token: {error}"),
        },
        other => other,
    }
}

async fn read(response: Response) -> Result<Granted, Report> {
    let (status, headers) = (response.status(), response.headers().clone());
    let body = http::body(response).await;
    if status.is_success() {
        return serde_json::from_slice(&body).map_err(|_| Report::Failed {
            error: "access token: an answer that cannot be understood".to_owned(),
        });
    }
    let refused: Refused = serde_json::from_slice(&body).unwrap_or_default();
    let said = format!("{} {}", refused.error, refused.error_description);
    let error = format!("access token: {}", words(status, said.trim(), &[]));
    // Google's way to say 5xx with a status of its own choice.
    let passing = [
        "internal_failure",
        "server_error",
        "temporarily_unavailable",
    ];
    Err(match status {
        StatusCode::TOO_MANY_REQUESTS => Report::SlowDown {
            retry_after: http::retry_after(&headers, Timestamp::now()),
            error,
        },
        StatusCode::REQUEST_TIMEOUT => Report::Failed { error },
        status if status.is_client_error() && !passing.contains(&refused.error.as_str()) => {
            Report::CredentialsRefused { error }
        }
        _ => Report::Failed { error },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_fresh_until_a_minute_before_its_end() {
        let now = Instant::now();
        let token = |expires_in| {
            let access_token = SecretString::from("ya29.x");
            AccessToken::new(
                Granted {
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
