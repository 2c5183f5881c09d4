//! What the worker tells over HTTP: `/health`, `/ready`, `/live`, `/metrics`.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::http::header::ContentType;
use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};
use serde::Serialize;
use serde_json::json;
use tidings_runtime::health::{Health, HealthReport};
use tidings_runtime::telemetry::Metrics;
use uuid::Uuid;

use crate::delivery::{ChannelReport, ChannelState};

/// The channels that this process delivers.
pub struct Channels(pub Vec<Arc<ChannelState>>);

impl Channels {
    fn report(&self) -> BTreeMap<&'static str, ChannelReport> {
        let reports = self
            .0
            .iter()
            .map(|state| (state.channel().as_str(), state.report()));
        reports.collect()
    }
}

/// The body of `GET /health`.
#[derive(Serialize)]
struct WorkerReport {
    #[serde(flatten)]
    health: HealthReport,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    channels: BTreeMap<&'static str, ChannelReport>,
}

/// Serves the probes on `listener`. They answer for as long as the process runs, also while it
/// drains.
pub fn serve(
    listener: TcpListener,
    health: Arc<Health>,
    channels: Channels,
    metrics: Metrics,
) -> std::io::Result<Server> {
    let (health, metrics) = (Data::from(health), Data::new(metrics));
    let channels = Data::new(channels);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(health.clone())
            .app_data(metrics.clone())
            .app_data(channels.clone())
            .route("/health", web::get().to(report))
            .route("/ready", web::get().to(ready))
            .route("/live", web::get().to(live))
            .route("/metrics", web::get().to(render))
            .default_service(web::to(nothing_here))
    });
    Ok(server
        .workers(1)
        .disable_signals()
        .shutdown_timeout(1)
        .listen(listener)?
        .run())
}

/// A provider that is away does not make the worker unhealthy: to start it again would not help. It
/// stands in the body.
async fn report(health: Data<Health>, channels: Data<Channels>) -> HttpResponse {
    let report = WorkerReport {
        health: health.report(),
        channels: channels.report(),
    };
    answer(report.health.is_healthy()).json(report)
}

/// The worker can do its work only with both servers, and only where they let it.
async fn ready(health: Data<Health>) -> HttpResponse {
    let connected = health.database() && health.rabbitmq();
    let ready = health.is_running() && connected && !health.is_holding();
    let status = if ready { "ready" } else { "not ready" };
    answer(ready).json(json!({ "status": status }))
}

async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "live" }))
}

async fn render(metrics: Data<Metrics>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::plaintext())
        .body(metrics.render())
}

/// The shape of errors that the API has.
async fn nothing_here() -> HttpResponse {
    HttpResponse::NotFound().json(json!({
        "error": "Not Found",
        "message": "The worker answers GET /health, /ready, /live and /metrics",
        "code": "not_found",
        "details": [],
        "requestId": Uuid::now_v7(),
    }))
}

fn answer(good: bool) -> actix_web::HttpResponseBuilder {
    if good {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    }
}
