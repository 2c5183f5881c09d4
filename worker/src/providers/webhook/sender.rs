use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, RequestBuilder, Response};
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::Value;
use tidings_egress::{EgressPolicy, Reach, Refusal};
use tokio::time::timeout;

use super::resolver::GuardedResolver;
use super::signature::signatures;
use super::{InvalidSecret, Lookup, SigningSecret, SystemLookup, WebhookSettings, outcome};
use crate::providers::{Provider, Report, WebhookMessage, http};

/// How long a connection may lie idle. Receivers close theirs after some seconds more, and a request
/// that crosses that leaves everybody in doubt.
const IDLE: Duration = Duration::from_secs(15);

/// How long the rest of a successful answer is waited for, so that its connection can be used again.
const REST: Duration = Duration::from_secs(1);

/// The provider `http` of webhooks: one POST, signed, to wherever the policy allows.
pub struct WebhookSender {
    policy: Arc<EgressPolicy>,
    /// Connects to the addresses that the policy allows.
    guarded: Client,
    /// Connects to any address. Used for the operator's own hosts alone, and another client, so that
    /// neither can get a connection that the other made.
    open: Client,
}

/// The request's body. The order of its members and all their values are the same at each attempt, and
/// so are the bytes.
#[derive(Serialize)]
struct Body<'a> {
    r#type: &'a str,
    timestamp: Timestamp,
    data: &'a Value,
}

impl WebhookSender {
    /// A sender that takes no longer than `timeout` for one message.
    ///
    /// # Errors
    ///
    /// Where no TLS client can be made.
    pub fn new(settings: &WebhookSettings, timeout: Duration) -> reqwest::Result<Self> {
        let lookup: Arc<dyn Lookup> = Arc::new(SystemLookup);
        Self::with_lookup(settings, timeout, &lookup)
    }

    /// The same with another way to find the addresses of names.
    ///
    /// # Errors
    ///
    /// Where no TLS client can be made.
    pub fn with_lookup(
        settings: &WebhookSettings,
        timeout: Duration,
        lookup: &Arc<dyn Lookup>,
    ) -> reqwest::Result<Self> {
        let policy = Arc::new(settings.egress.clone());
        let client = |reach| {
            http::client(timeout)
                .pool_idle_timeout(IDLE)
                // On an HTTP/2 connection many requests share its end, and would all be in doubt.
                .http1_only()
                .dns_resolver(GuardedResolver {
                    policy: Arc::clone(&policy),
                    reach,
                    lookup: Arc::clone(lookup),
                })
                .build()
        };
        Ok(Self {
            guarded: client(Reach::AllowedAddresses)?,
            open: client(Reach::AnyAddress)?,
            policy,
        })
    }

    async fn post(&self, message: &WebhookMessage) -> Report {
        let client = match self.policy.reach(&message.to) {
            Ok(Reach::AllowedAddresses) => &self.guarded,
            Ok(Reach::AnyAddress) => &self.open,
            Err(refusal) => return refused(refusal),
        };
        let request = client.post(message.to.as_url().clone());
        let request = match prepared(request, message, Timestamp::now()) {
            Ok(request) => request,
            Err(error) => return Report::Rejected { error },
        };
        match request.send().await {
            Ok(response) => answered(response).await,
            Err(error) => match refusal(&error) {
                Some(refusal) => refused(refusal),
                None => http::no_answer(error),
            },
        }
    }
}

impl Provider<WebhookMessage> for WebhookSender {
    fn name(&self) -> &'static str {
        "http"
    }

    fn send<'a>(&'a self, message: &'a WebhookMessage) -> BoxFuture<'a, Report> {
        Box::pin(self.post(message))
    }
}

/// The request with its headers and its body; `now` is when this attempt is made.
fn prepared(
    request: RequestBuilder,
    message: &WebhookMessage,
    now: Timestamp,
) -> Result<RequestBuilder, String> {
    let body = Body {
        r#type: &message.webhook.event,
        timestamp: message.accepted_at,
        data: &message.webhook.data,
    };
    let body = serde_json::to_vec(&body).map_err(|error| error.to_string())?;
    let secrets: Result<Vec<SigningSecret>, InvalidSecret> = message
        .secrets
        .iter()
        .map(|secret| secret.expose_secret().parse())
        .collect();
    let secrets = secrets.map_err(|wrong| format!("the endpoint's secret {wrong}"))?;
    let (id, now) = (message.id.to_string(), now.as_second());
    let mut request = request
        .header(CONTENT_TYPE, "application/json")
        .header("webhook-id", &id)
        .header("webhook-timestamp", now);
    if let Some(signatures) = signatures(&secrets, &id, now, &body) {
        request = request.header("webhook-signature", signatures);
    }
    Ok(request.body(body))
}

/// What follows from an answer. Only what it says against the message is waited for; of a success the
/// rest is read for the connection's sake, and not for long.
async fn answered(response: Response) -> Report {
    let status = response.status();
    let retry_after = http::retry_after(response.headers(), Timestamp::now());
    let reading = http::body(response);
    let body = if status.is_success() {
        timeout(REST, reading).await.unwrap_or_default()
    } else {
        reading.await
    };
    outcome::report(status, retry_after, &body)
}

fn refused(refusal: Refusal) -> Report {
    Report::Rejected {
        error: format!("url {refusal}"),
    }
}

/// The resolver's refusal, where that is what the error comes from.
fn refusal(error: &reqwest::Error) -> Option<Refusal> {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = cause {
        if let Some(refusal) = error.downcast_ref::<Refusal>() {
            return Some(*refusal);
        }
        cause = error.source();
    }
    None
}
