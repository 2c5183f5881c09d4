use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, RequestBuilder, Response};
use secrecy::ExposeSecret;
use serde::Serialize;
use tidings_domain::content::Json;
use tidings_egress::{AddressScope, DisallowedUrl, EgressPolicy};
use tokio::time::timeout;

use super::kept_connections::{KeptConnections, MAX_KEPT};
use super::resolver::GuardedResolver;
use super::signature::signatures;
use super::{InvalidSecret, Lookup, SigningSecret, SystemLookup, WebhookSettings, response};
use crate::providers::{Provider, SendOutcome, WebhookMessage, http};

/// Maximum idle time of a connection. Shorter than that of most receivers, because a request on a connection
/// that the receiver closes at the same moment has an unknown outcome.
pub(super) const MAX_IDLE: Duration = Duration::from_secs(15);

/// Timeout for reading the body of a success response, so that its connection can be reused.
const BODY_TIMEOUT: Duration = Duration::from_secs(1);

/// The provider `http` of webhooks: sends one signed POST, if the egress policy allows the URL.
pub struct WebhookSender {
    policy: Arc<EgressPolicy>,
    /// Connect only to addresses that the policy allows.
    guarded: Clients,
    /// Connect to any address. Used only for the hosts that the operator allows. Separate clients, so that
    /// the two scopes never share a connection.
    open: Clients,
    kept: Arc<KeptConnections>,
}

/// The clients of one scope.
struct Clients {
    /// Leaves connections open for further requests.
    keeping: Client,
    /// Closes the connection after each request.
    closing: Client,
}

/// The body of the request. Its bytes are the same at every attempt.
#[derive(Serialize)]
struct WebhookBody<'a> {
    r#type: &'a str,
    timestamp: Timestamp,
    data: &'a Json,
}

impl WebhookSender {
    /// Builds a sender whose requests take at most `timeout`.
    ///
    /// # Errors
    ///
    /// Fails if the TLS client cannot be built.
    pub fn new(settings: &WebhookSettings, timeout: Duration) -> reqwest::Result<Self> {
        let lookup: Arc<dyn Lookup> = Arc::new(SystemLookup);
        Self::with_lookup(settings, timeout, &lookup)
    }

    /// As [`WebhookSender::new`], with another resolver.
    ///
    /// # Errors
    ///
    /// Fails if the TLS client cannot be built.
    pub fn with_lookup(
        settings: &WebhookSettings,
        timeout: Duration,
        lookup: &Arc<dyn Lookup>,
    ) -> reqwest::Result<Self> {
        let policy = Arc::new(settings.egress.clone());
        let client = |scope, max_idle| {
            http::client(timeout)
                .pool_idle_timeout(MAX_IDLE)
                .pool_max_idle_per_host(max_idle)
                // When an HTTP/2 connection is lost, all requests on it have an unknown outcome.
                .http1_only()
                .dns_resolver(GuardedResolver {
                    policy: Arc::clone(&policy),
                    scope,
                    lookup: Arc::clone(lookup),
                })
                .build()
        };
        let clients = |scope| {
            Ok::<_, reqwest::Error>(Clients {
                keeping: client(scope, MAX_KEPT)?,
                closing: client(scope, 0)?,
            })
        };
        Ok(Self {
            guarded: clients(AddressScope::AllowedAddresses)?,
            open: clients(AddressScope::AnyAddress)?,
            kept: KeptConnections::new(MAX_KEPT),
            policy,
        })
    }

    async fn post(&self, message: &WebhookMessage) -> SendOutcome {
        let scope = match self.policy.address_scope(&message.to) {
            Ok(scope) => scope,
            Err(refusal) => return refused(refusal),
        };
        let clients = match scope {
            AddressScope::AllowedAddresses => &self.guarded,
            AddressScope::AnyAddress => &self.open,
        };
        let kept = self.kept.take(message.to.as_url(), scope);
        let client = match kept {
            Some(_) => &clients.keeping,
            None => &clients.closing,
        };
        let request = client.post(message.to.as_url().clone());
        let request = match build_request(request, message, Timestamp::now()) {
            Ok(request) => request,
            Err(error) => return SendOutcome::NotSent { error },
        };
        match request.send().await {
            Ok(response) => response_outcome(response).await,
            Err(error) => {
                if let Some(kept) = kept {
                    kept.closed();
                }
                match refusal(&error) {
                    Some(refusal) => refused(refusal),
                    None => http::connection_outcome(error),
                }
            }
        }
    }
}

impl Provider<WebhookMessage> for WebhookSender {
    fn name(&self) -> &'static str {
        "http"
    }

    fn send<'a>(&'a self, message: &'a WebhookMessage) -> BoxFuture<'a, SendOutcome> {
        Box::pin(self.post(message))
    }
}

/// Adds the headers and the body. `now` is the time of this attempt.
fn build_request(
    request: RequestBuilder,
    message: &WebhookMessage,
    now: Timestamp,
) -> Result<RequestBuilder, String> {
    let body = WebhookBody {
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
    let secrets = secrets.map_err(|error| format!("the endpoint's secret {error}"))?;
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

/// The outcome of a response. Waits for the body of an error; reads the body of a success only briefly, so that
/// the connection can be reused.
async fn response_outcome(response: Response) -> SendOutcome {
    let status = response.status();
    let retry_after = http::retry_after(response.headers(), Timestamp::now());
    let reading = http::body(response);
    let body = if status.is_success() {
        timeout(BODY_TIMEOUT, reading).await.unwrap_or_default()
    } else {
        reading.await
    };
    response::outcome(status, retry_after, &body)
}

fn refused(refusal: DisallowedUrl) -> SendOutcome {
    SendOutcome::NotSent {
        error: format!("url {refusal}"),
    }
}

/// The resolver's refusal, if it caused the error.
fn refusal(error: &reqwest::Error) -> Option<DisallowedUrl> {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = cause {
        if let Some(refusal) = error.downcast_ref::<DisallowedUrl>() {
            return Some(*refusal);
        }
        cause = error.source();
    }
    None
}
