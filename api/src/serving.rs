//! The HTTP server: its limits, and the errors that it answers by itself.

use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::web::Data;
use anyhow::Context;
use tidings_http::{ByteBudget, FrameworkError, Limits, ServerOptions};
use tidings_runtime::open_files;

use crate::connection_limit::{max_connections, max_grpc_connections};
use crate::cors::CorsHeaders;
use crate::error::{ApiError, ErrorResponse};
use crate::request_id::RequestId;
use crate::settings::ApiSettings;
use crate::state::AppState;
use crate::{handlers, middleware};

/// How long an idle connection stays open. Longer than the usual 60 s of reverse proxies, so that the proxy and
/// not the API closes the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// The number of connections of HTTP clients.
pub fn max_client_connections(settings: &ApiSettings) -> anyhow::Result<usize> {
    let open_files = open_files::limit();
    let grpc = settings.grpc.as_ref();
    let grpc = grpc.map_or(0, |_| max_grpc_connections(open_files));
    let other_files = settings.database.pool_size + grpc;
    max_connections(settings.http.max_connections, open_files, other_files)
}

/// Serves the application on a port.
pub fn serve(
    listener: TcpListener,
    settings: &ApiSettings,
    max_connections: usize,
    state: AppState,
) -> anyhow::Result<Server> {
    let http = &settings.http;
    let limits = Limits {
        max_connections,
        idle_timeout: KEEP_ALIVE,
        head_timeout: http.request_head_timeout,
        response_timeout: http.response_timeout,
        response_bytes: ByteBudget::new(http.max_response_bytes_in_flight),
    };
    let options = ServerOptions {
        limits,
        threads: http.workers,
        shutdown_timeout: settings.shutdown.timeout,
        error_body: framework_error_body,
    };
    tracing::info!(max_connections, "serving");
    middleware::register_metrics();
    let (state, origins) = (Data::new(state), settings.origins.clone());
    tidings_http::serve(listener, options, move || {
        middleware::application(state.clone(), &origins, handlers::register)
    })
    .context("cannot serve the port")
}

/// The body of an error that the framework answers before there is a request.
pub fn framework_error_body(error: FrameworkError) -> String {
    let error = ErrorResponse {
        error: ApiError::from_framework(error),
        request_id: RequestId::generate().0,
        close: true,
        // The origin is unknown.
        cors: CorsHeaders::default(),
        rate_limit: None,
    };
    tracing::debug!(
        request_id = error.request_id,
        code = error.error.code,
        "no request can be read from a connection"
    );
    error.json()
}
