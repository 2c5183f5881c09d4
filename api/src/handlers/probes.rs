//! `GET /health`, `/ready`, `/live` and `/metrics`: for monitoring, without a token.

use actix_web::http::header::ContentType;
use actix_web::web::Data;
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use serde_json::json;
use tidings_domain::notification::DeliveredChannel;
use tidings_runtime::health::{Health, HealthReport};

use crate::acceptance::Acceptance;
use crate::error::ApiError;
use crate::state::AppState;

/// The body of `GET /health`.
#[derive(Serialize)]
struct ApiHealth {
    #[serde(flatten)]
    report: HealthReport,
    /// The channels that an operator has stopped, which is not unhealthy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stopped: Vec<&'static str>,
}

/// The state of the connections to RabbitMQ and PostgreSQL, and which channels are stopped.
#[utoipa::path(get, path = "/health", operation_id = "health", tag = "probes", responses(
    (status = 200, description = "RabbitMQ and PostgreSQL are connected"),
    (status = 503, description = "RabbitMQ or PostgreSQL is disconnected; the body says which"),
))]
pub async fn health(state: Data<AppState>) -> HttpResponse {
    let report = state.health.report();
    let switches = state.control.switches();
    let stopped = switches.stopped_channels().map(DeliveredChannel::as_str);
    response(report.is_healthy()).json(ApiHealth {
        report,
        stopped: stopped.collect(),
    })
}

/// Whether the API accepts notifications. This needs the broker, or, with `ACCEPT_WITHOUT_BROKER`, the database and a
/// scheduler that runs.
#[utoipa::path(get, path = "/ready", operation_id = "ready", tag = "probes", responses(
    (status = 200, description = "The API accepts notifications"),
    (status = 503, description = "The API is starting or stopping, or neither the broker nor the database takes notifications"),
))]
pub async fn ready(state: Data<AppState>) -> HttpResponse {
    let ready = is_ready(&state);
    let status = if ready { "ready" } else { "not ready" };
    response(ready).json(json!({ "status": status }))
}

/// Whether the API accepts notifications.
pub fn is_ready(state: &AppState) -> bool {
    accepts_notifications(&state.health, &state.acceptance)
}

/// Whether notifications are accepted.
pub fn accepts_notifications(health: &Health, acceptance: &Acceptance) -> bool {
    let accepts = health.rabbitmq() || health.database() && acceptance.works_without_broker();
    health.is_running() && accepts
}

/// Whether the process runs.
#[utoipa::path(get, path = "/live", operation_id = "live", tag = "probes", responses((status = 200, description = "The process runs")))]
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "live" }))
}

/// Metrics in the Prometheus text format, unless `METRICS_PORT` gives them a port of their own.
#[utoipa::path(get, path = "/metrics", operation_id = "metrics", tag = "probes", responses(
    (status = 200, description = "Metrics", content_type = "text/plain"),
    (status = 404, description = "The metrics have a port of their own", body = crate::error::ErrorBody),
))]
pub async fn metrics(state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let Some(metrics) = &state.metrics else {
        return Err(ApiError::not_found("The metrics have a port of their own"));
    };
    Ok(HttpResponse::Ok()
        .content_type(ContentType::plaintext())
        .body(metrics.render()))
}

fn response(is_ok: bool) -> HttpResponseBuilder {
    if is_ok {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    }
}
