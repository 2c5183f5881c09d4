use std::sync::{Arc, LazyLock};
use std::time::Instant;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderValue};
use actix_web::http::{ConnectionType, Method};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use metrics::{Histogram, counter, histogram};
use tidings_http::{Connection, sliced};

use super::error_log::log;
use super::replacement::{replacement, to_api_error};
use crate::cors::{CorsHeaders, set_exposed_headers};
use crate::error::ErrorResponse;
use crate::handlers::{dashboard, docs, front_end};
use crate::protective_headers::{ResponseKind, set_protective_headers};
use crate::rate_limit;
use crate::request_id::{REQUEST_ID, RequestId};
use crate::server_span::RequestTrace;
use crate::state::AppState;

/// The patterns of the paths that accept notifications by POST.
const ACCEPTING: [&str; 3] = [
    "/api/notifications",
    "/api/notifications/batch",
    "/api/v1/notifications",
];

// Looked up once.
static ACCEPT_DURATION: LazyLock<Histogram> =
    LazyLock::new(|| histogram!("tidings_accept_seconds"));

/// Makes the process export the duration of acceptances before there is one.
pub fn register_metrics() {
    LazyLock::force(&ACCEPT_DURATION);
}

/// The outermost middleware.
///
/// # Errors
///
/// Returns an [`ErrorResponse`] if a handler or the framework refused the request, or if the handler failed.
pub async fn wrap(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let start = Instant::now();
    let id = RequestId::of(&request);
    request.extensions_mut().insert(id.clone());
    let method = method_label(request.method());
    let state = AppState::of(request.request());
    let (health, _in_flight) = (Arc::clone(&state.health), state.in_flight.enter());
    let connection = Connection::of(request.request());
    if let Some(connection) = &connection {
        connection.begin_request();
    }
    let kind = response_kind(request.path());
    let trace = RequestTrace::begin(&request);

    let error_response = |error, replaced: &HeaderMap, rate_limit| ErrorResponse {
        error,
        request_id: id.0.clone(),
        close: health.is_draining(),
        cors: CorsHeaders::of(replaced),
        rate_limit,
    };
    let (path, outcome) = match trace.scope(next.call(request)).await {
        Ok(response) => (
            path_pattern(&response),
            match replacement(&response, connection.as_deref()) {
                None => Ok(response),
                Some(error) => {
                    let rate_limit = rate_limit::headers_of(response.request());
                    Err(error_response(error, response.headers(), rate_limit))
                }
            },
        ),
        Err(error) => (
            "unmatched".to_owned(),
            Err(error_response(
                to_api_error(&error),
                error.error_response().headers(),
                None,
            )),
        ),
    };
    if let (Some(connection), Err(_)) = (&connection, &outcome) {
        // An error is short.
        let _ = connection.end_request(BodySize::None);
    }
    let status = match &outcome {
        Ok(response) => response.status(),
        Err(response) => response.error.status,
    };
    if method == "POST" && ACCEPTING.contains(&&*path) {
        ACCEPT_DURATION.record(start.elapsed());
    }
    trace.end(&path, status);
    let labels = [
        ("method", method.to_owned()),
        ("path", path),
        ("status", status.as_str().to_owned()),
    ];
    counter!("tidings_http_requests_total", &labels).increment(1);
    histogram!("tidings_http_request_seconds").record(start.elapsed().as_secs_f64());

    match outcome {
        Ok(response) => {
            let mut response = response.map_body(|_, body| sliced(body.boxed()));
            let rate_limit = rate_limit::headers_of(response.request());
            let stated = response
                .response()
                .extensions()
                .get::<ResponseKind>()
                .copied();
            let kind = stated.unwrap_or(kind);
            let head = response.response_mut().head_mut();
            if let Some(rate_limit) = rate_limit {
                rate_limit.set(head.headers_mut());
            }
            if let Ok(value) = HeaderValue::from_str(&id.0) {
                head.headers_mut().insert(REQUEST_ID, value);
            }
            set_protective_headers(head.headers_mut(), kind);
            set_exposed_headers(head.headers_mut());
            // The client opens its next connection to a process that is not stopping.
            if health.is_draining() {
                head.set_connection_type(ConnectionType::Close);
            }
            Ok(response)
        }
        Err(response) => {
            let [_, (_, path), _] = &labels;
            log(&response, method, path);
            Err(response.into())
        }
    }
}

/// What a path answers if it does not refuse the request.
fn response_kind(path: &str) -> ResponseKind {
    if docs::is_documentation(path) {
        ResponseKind::Documentation
    } else if front_end::is_front_end(path) {
        ResponseKind::FrontEnd
    } else if dashboard::page::is_dashboard(path) {
        ResponseKind::Dashboard
    } else {
        ResponseKind::Json
    }
}

/// The method, or `other` if it is not one of RFC 9110 or PATCH. Clients may invent methods, and each value of
/// a label is a time series that lasts until the process ends.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// The path pattern under which the handler is registered, so that the number of time series is limited.
fn path_pattern<B>(response: &ServiceResponse<B>) -> String {
    response
        .request()
        .match_pattern()
        .unwrap_or_else(|| "unmatched".to_owned())
}
