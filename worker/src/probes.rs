//! The worker's HTTP server: `/health`, `/ready`, `/live`, `/metrics`.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::http::header::ContentType;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse};
use serde::Serialize;
use serde_json::{Value, json};
use tidings_broker::unreadable_remedy;
use tidings_http::{
    ByteBudget, FrameworkError, Limits, ServerOptions, get_or_head, short_responses,
};
use tidings_runtime::health::{Health, HealthReport};
use tidings_runtime::telemetry::Metrics;
use uuid::Uuid;

use crate::connectivity::Connectivity;
use crate::delivery::{ChannelHealth, ChannelState};

/// The most clients of the probes at the same time. The files that the worker may open are for its servers.
const MAX_CONNECTIONS: usize = 128;

/// How long an idle connection stays open.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// Maximum time for a request head to arrive, and for a response to be read.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum size of the responses that clients have not read, in bytes.
const MAX_RESPONSE_BYTES: usize = 8 << 20;

/// The states of the channels that this process delivers.
pub struct ChannelStates(pub Vec<Arc<ChannelState>>);

impl ChannelStates {
    fn health(&self) -> BTreeMap<&'static str, ChannelHealth> {
        let reports = self
            .0
            .iter()
            .map(|state| (state.channel().as_str(), state.health()));
        reports.collect()
    }
}

/// The body of `GET /health`.
#[derive(Serialize)]
struct WorkerHealth {
    #[serde(flatten)]
    health: HealthReport,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    channels: BTreeMap<&'static str, ChannelHealth>,
    #[serde(rename = "unreadableQueues", skip_serializing_if = "Vec::is_empty")]
    unreadable_queues: Vec<UnreadableQueue>,
}

/// A queue that contains a message that cannot be parsed.
#[derive(Serialize)]
struct UnreadableQueue {
    queue: String,
    remedy: String,
}

impl From<String> for UnreadableQueue {
    fn from(queue: String) -> Self {
        Self {
            remedy: unreadable_remedy(&queue),
            queue,
        }
    }
}

/// Serves the probes on `listener` until the returned server is stopped, even while the worker drains. Without `metrics`,
/// there is no `/metrics`.
pub fn serve(
    listener: TcpListener,
    health: Arc<Health>,
    channels: ChannelStates,
    connectivity: Arc<Connectivity>,
    metrics: Option<Metrics>,
) -> std::io::Result<Server> {
    let (health, metrics) = (Data::from(health), Data::new(metrics));
    let channels = Data::new(channels);
    let connectivity = Data::from(connectivity);
    let limits = Limits {
        max_connections: MAX_CONNECTIONS,
        idle_timeout: IDLE_TIMEOUT,
        head_timeout: CLIENT_TIMEOUT,
        response_timeout: CLIENT_TIMEOUT,
        response_bytes: ByteBudget::new(MAX_RESPONSE_BYTES),
    };
    let options = ServerOptions {
        limits,
        threads: Some(1),
        shutdown_timeout: Duration::from_secs(1),
        error_body: framework_error_body,
    };
    tidings_http::serve(listener, options, move || {
        App::new()
            .wrap(from_fn(short_responses))
            .app_data(health.clone())
            .app_data(metrics.clone())
            .app_data(channels.clone())
            .app_data(connectivity.clone())
            .route("/health", get_or_head().to(self::health))
            .route("/ready", get_or_head().to(ready))
            .route("/live", get_or_head().to(live))
            .route("/metrics", get_or_head().to(self::metrics))
            .default_service(web::to(not_found))
    })
}

/// A provider that is down does not make the worker unhealthy, because a restart would not help. The body shows
/// the provider's state.
async fn health(
    health: Data<Health>,
    channels: Data<ChannelStates>,
    connectivity: Data<Connectivity>,
) -> HttpResponse {
    let body = WorkerHealth {
        health: health.report(),
        channels: channels.health(),
        unreadable_queues: connectivity
            .unreadable_queues()
            .into_iter()
            .map(Into::into)
            .collect(),
    };
    response(body.health.is_healthy()).json(body)
}

/// The worker is ready if both servers are connected and no messages are held.
pub fn is_ready(health: &Health) -> bool {
    let connected = health.database() && health.rabbitmq();
    health.is_running() && connected && !health.is_holding()
}

async fn ready(health: Data<Health>) -> HttpResponse {
    let ready = is_ready(&health);
    let status = if ready { "ready" } else { "not ready" };
    response(ready).json(json!({ "status": status }))
}

async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "live" }))
}

async fn metrics(metrics: Data<Option<Metrics>>) -> HttpResponse {
    let Some(metrics) = &**metrics else {
        return not_found().await;
    };
    HttpResponse::Ok()
        .content_type(ContentType::plaintext())
        .body(metrics.render())
}

/// Answers unknown paths in the error format of the API.
async fn not_found() -> HttpResponse {
    let message =
        "The worker answers GET /health, /ready, /live and, without METRICS_PORT, /metrics";
    HttpResponse::NotFound().json(error_body("Not Found", message, "not_found"))
}

pub fn framework_error_body(error: FrameworkError) -> String {
    let (_, reason) = error.status().split_once(' ').unwrap_or_default();
    error_body(reason, "The request cannot be read", "invalid_request").to_string()
}

fn error_body(error: &str, message: &str, code: &str) -> Value {
    json!({
        "error": error,
        "message": message,
        "code": code,
        "details": [],
        "requestId": Uuid::now_v7(),
    })
}

fn response(good: bool) -> actix_web::HttpResponseBuilder {
    if good {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    }
}
