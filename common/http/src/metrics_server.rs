use std::net::TcpListener;
use std::time::Duration;

use actix_server::ServerHandle;
use actix_web::http::header::ContentType;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse};
use tidings_runtime::tasks::Tasks;
use tidings_runtime::telemetry::Metrics;

use crate::byte_budget::ByteBudget;
use crate::framework_error::FrameworkError;
use crate::middleware::short_responses;
use crate::routes::get_or_head;
use crate::server::{Limits, ServerOptions, serve};

/// Each program that scrapes needs one.
const MAX_CONNECTIONS: usize = 32;

/// How long an idle connection stays open: longer than the usual interval of scrapes.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// Maximum time for a request head to arrive, and for a response to be read.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum size of the responses that clients have not read, in bytes.
const MAX_RESPONSE_BYTES: usize = 8 << 20;

/// Serves `/metrics` on a port of its own.
pub struct MetricsServer(ServerHandle);

impl MetricsServer {
    /// Serves `metrics` on `listener`. `error_body` as in [`ServerOptions`].
    ///
    /// # Errors
    ///
    /// Fails if the listener cannot be used.
    pub fn start(
        listener: TcpListener,
        metrics: Metrics,
        error_body: fn(FrameworkError) -> String,
        tasks: &mut Tasks,
    ) -> std::io::Result<Self> {
        let metrics_port = listener.local_addr()?.port();
        let metrics = Data::new(metrics);
        let options = ServerOptions {
            limits: Limits {
                max_connections: MAX_CONNECTIONS,
                idle_timeout: IDLE_TIMEOUT,
                head_timeout: CLIENT_TIMEOUT,
                response_timeout: CLIENT_TIMEOUT,
                response_bytes: ByteBudget::new(MAX_RESPONSE_BYTES),
            },
            threads: Some(1),
            shutdown_timeout: Duration::from_secs(1),
            error_body,
        };
        let server = serve(listener, options, move || {
            App::new()
                .wrap(from_fn(short_responses))
                .app_data(metrics.clone())
                .route("/metrics", get_or_head().to(answer))
                .default_service(web::to(not_found))
        })?;
        let handle = server.handle();
        tasks.spawn_fallible("metrics server", server);
        tracing::info!(metrics_port, "metrics have a port of their own");
        Ok(Self(handle))
    }

    /// Stops after the requests in progress.
    pub async fn stop(self) {
        self.0.stop(true).await;
    }
}

async fn answer(metrics: Data<Metrics>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::plaintext())
        .body(metrics.render())
}

async fn not_found() -> HttpResponse {
    HttpResponse::NotFound()
        .content_type(ContentType::plaintext())
        .body("This port answers GET /metrics only.\n")
}
