//! The HTTP client of the exporter.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError, ResponseBodyTooLarge};
use reqwest::{Client, redirect};
use tokio::runtime::Handle;

/// Maximum size of a response, in bytes. It says how many spans were rejected.
const MAX_RESPONSE: usize = 64 << 10;

/// How often a failure is logged while failures last.
const WARN_INTERVAL: Duration = Duration::from_mins(10);

/// Sends spans to the collector. The thread of the exporter waits for the request, which runs on the runtime of the program.
#[derive(Debug)]
pub(super) struct CollectorClient {
    client: Client,
    runtime: Handle,
    failing: Mutex<Failing>,
}

/// Whether the collector has failed.
#[derive(Debug, Default)]
struct Failing {
    is_failing: bool,
    warned_at: Option<Instant>,
}

impl CollectorClient {
    /// Sends on `runtime`, each request within `timeout`.
    pub(super) fn new(timeout: Duration, runtime: Handle) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .timeout(timeout)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("Tidings/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            client,
            runtime,
            failing: Mutex::default(),
        })
    }

    /// Logs that the collector fails, or works again.
    fn report(&self, problem: Option<String>) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(problem) = problem else {
            if std::mem::take(&mut failing.is_failing) {
                tracing::info!("the collector takes spans again");
            }
            return;
        };
        failing.is_failing = true;
        let is_time = failing
            .warned_at
            .is_none_or(|at| at.elapsed() >= WARN_INTERVAL);
        if is_time {
            failing.warned_at = Some(Instant::now());
            tracing::warn!(
                problem,
                "spans cannot be sent to the collector, and are lost"
            );
        }
    }
}

#[async_trait]
impl HttpClient for CollectorClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sending = send(self.client.clone(), request);
        let sent = match self.runtime.spawn(sending).await {
            Ok(sent) => sent,
            Err(error) => Err(error.into()),
        };
        self.report(match &sent {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("status {}", response.status().as_u16())),
            Err(error) => Some(chain(error.as_ref())),
        });
        sent
    }
}

async fn send(client: Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let request = reqwest::Request::try_from(request)?;
    // The URL is the operator's; headers are never in errors.
    let sent = client.execute(request).await;
    let mut received = sent.map_err(reqwest::Error::without_url)?;
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = received.status();
    *response.headers_mut() = std::mem::take(received.headers_mut());
    let mut body = BytesMut::new();
    while let Some(chunk) = received
        .chunk()
        .await
        .map_err(reqwest::Error::without_url)?
    {
        if body.len() + chunk.len() > MAX_RESPONSE {
            return Err(ResponseBodyTooLarge::new().into());
        }
        body.extend_from_slice(&chunk);
    }
    *response.body_mut() = body.freeze();
    Ok(response)
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
