//! `GET /health`, `/ready`, `/live` and `/metrics`: for machines, without a token.

use actix_web::http::header::ContentType;
use actix_web::web::Data;
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde_json::json;

use crate::state::AppState;

/// Both servers; 503 where one is away.
#[utoipa::path(get, path = "/health", operation_id = "health", tag = "probes", responses(
    (status = 200, description = "Both servers are connected"),
    (status = 503, description = "A server is disconnected: the body says which"),
))]
pub async fn health(state: Data<AppState>) -> HttpResponse {
    let report = state.health.report();
    answer(report.is_healthy()).json(report)
}

/// Whether notifications are taken: that needs the broker alone.
#[utoipa::path(get, path = "/ready", operation_id = "ready", tag = "probes", responses(
    (status = 200, description = "Takes notifications"),
    (status = 503, description = "Starting, leaving, or without the broker"),
))]
pub async fn ready(state: Data<AppState>) -> HttpResponse {
    let ready = state.health.is_running() && state.health.rabbitmq();
    let status = if ready { "ready" } else { "not ready" };
    answer(ready).json(json!({ "status": status }))
}

/// Whether the process runs.
#[utoipa::path(get, path = "/live", operation_id = "live", tag = "probes", responses((status = 200, description = "The process runs")))]
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "live" }))
}

/// Figures in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", operation_id = "metrics", tag = "probes", responses(
    (status = 200, description = "Metrics", content_type = "text/plain"),
))]
pub async fn metrics(state: Data<AppState>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::plaintext())
        .body(state.metrics.render())
}

fn answer(good: bool) -> HttpResponseBuilder {
    if good {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    }
}
