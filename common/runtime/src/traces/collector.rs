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

/// The last warning, while the collector fails.
#[derive(Debug, Default)]
struct Failing {
    warned_at: Option<Instant>,
}

/// What to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Log {
    Failure,
    Recovery,
}

impl Failing {
    /// What to log of a request that has ended at `now`: the first failure, a repetition at times, and the first success after it.
    fn log(&mut self, is_failure: bool, now: Instant) -> Option<Log> {
        if !is_failure {
            return self.warned_at.take().map(|_| Log::Recovery);
        }
        let is_time = self
            .warned_at
            .is_none_or(|at| now.duration_since(at) >= WARN_INTERVAL);
        is_time.then(|| {
            self.warned_at = Some(now);
            Log::Failure
        })
    }
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
    fn report(&self, problem: Option<&str>) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        match failing.log(problem.is_some(), Instant::now()) {
            Some(Log::Failure) => tracing::warn!(
                problem,
                "spans cannot be sent to the collector, and are lost"
            ),
            Some(Log::Recovery) => tracing::info!("the collector takes spans again"),
            None => {}
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
        let problem = match &sent {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("status {}", response.status().as_u16())),
            Err(error) => Some(chain(error.as_ref())),
        };
        self.report(problem.as_deref());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lasting_failures_are_logged_at_times_and_a_failure_after_a_recovery_at_once() {
        let start = Instant::now();
        let mut failing = Failing::default();
        for (minute, is_failure, expected) in [
            (0, false, None),
            (1, true, Some(Log::Failure)),
            (2, true, None),
            (11, true, Some(Log::Failure)),
            (12, true, None),
            (13, false, Some(Log::Recovery)),
            (14, false, None),
            (15, true, Some(Log::Failure)),
            (16, true, None),
        ] {
            let now = start + Duration::from_mins(minute);
            assert_eq!(failing.log(is_failure, now), expected, "{minute}");
        }
    }
}
