//! The middleware of every request: request id, log line, metrics, and the one shape of errors.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use futures_util::FutureExt;
use metrics::{counter, histogram};
use tidings_http::{Connection, Overloaded};

use crate::error::{ApiError, ErrorResponse};
use crate::handlers::docs;
use crate::protective_headers::set_protective_headers;
use crate::request_id::{REQUEST_ID, RequestId};
use crate::state::AppState;

/// The outermost middleware.
///
/// # Errors
///
/// Returns an [`ErrorResponse`] if a handler or the framework refused the request, or if the handler failed or
/// panicked. A panic affects its own request only.
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
    let is_documentation = docs::is_documentation(request.path());

    let (path, outcome) = match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(Ok(response)) => (
            path_pattern(&response),
            error_in(&response)
                .map_or(Ok(response), Err)
                .and_then(|response| in_flight(connection.as_deref(), response)),
        ),
        Ok(Err(error)) => ("unmatched".to_owned(), Err(to_api_error(&error))),
        Err(_) => (
            "unmatched".to_owned(),
            Err(ApiError::internal("the handler panicked")),
        ),
    };
    if let (Some(connection), Err(_)) = (&connection, &outcome) {
        // An error is short.
        let _ = connection.end_request(BodySize::None);
    }
    let status = match &outcome {
        Ok(response) => response.status(),
        Err(error) => error.status,
    };
    let labels = [
        ("method", method.to_owned()),
        ("path", path),
        ("status", status.as_str().to_owned()),
    ];
    counter!("tidings_http_requests_total", &labels).increment(1);
    histogram!("tidings_http_request_seconds").record(start.elapsed().as_secs_f64());

    match outcome {
        Ok(response) => {
            let mut response = response.map_into_boxed_body();
            let head = response.response_mut().head_mut();
            if let Ok(value) = HeaderValue::from_str(&id.0) {
                head.headers_mut().insert(REQUEST_ID, value);
            }
            set_protective_headers(head.headers_mut(), is_documentation);
            // The client opens its next connection to a process that is not stopping.
            if health.is_draining() {
                head.set_connection_type(ConnectionType::Close);
            }
            Ok(response)
        }
        Err(error) => {
            let [_, (_, path), _] = &labels;
            log(&error, &id, method, path);
            Err(ErrorResponse {
                error,
                request_id: id.0,
                close: health.is_draining(),
            }
            .into())
        }
    }
}

/// Counts a response towards `MAX_RESPONSE_BYTES_IN_FLIGHT` until the client has read it.
fn in_flight<B: MessageBody>(
    connection: Option<&Connection>,
    response: ServiceResponse<B>,
) -> Result<ServiceResponse<B>, ApiError> {
    let Some(connection) = connection else {
        return Ok(response);
    };
    // A response to HEAD announces the size of a body that is not sent.
    let size = match *response.request().method() {
        Method::HEAD => BodySize::None,
        _ => response.response().body().size(),
    };
    match connection.end_request(size) {
        Ok(()) => Ok(response),
        Err(Overloaded) => Err(ApiError::overloaded()),
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

/// The error in a response: one that a handler returned, or a client error of the framework or of Swagger UI,
/// whose body does not have the shape of our errors.
fn error_in<B>(response: &ServiceResponse<B>) -> Option<ApiError> {
    if let Some(error) = response.response().error() {
        return Some(to_api_error(error));
    }
    let has_json_body = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind == "application/json");
    let refused = response.status().is_client_error() && !has_json_body;
    refused.then(|| ApiError::from_status(response.status()))
}

fn to_api_error(error: &Error) -> ApiError {
    match error.as_error::<ApiError>() {
        Some(ApiError {
            status,
            code,
            message,
            details,
            allow,
            cause,
        }) => ApiError {
            status: *status,
            code,
            message: message.clone(),
            details: details.clone(),
            allow: *allow,
            cause: cause.clone(),
        },
        None => match error.as_response_error().status_code() {
            status if status.is_client_error() => ApiError::from_status(status),
            _ => ApiError::internal(error),
        },
    }
}

fn log(error: &ApiError, id: &RequestId, method: &str, path: &str) {
    let (status, code, request_id, cause) = (
        error.status.as_u16(),
        error.code,
        &id.0,
        error.cause.as_deref(),
    );
    if error.status == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(request_id, status, code, method, cause, "request failed");
    } else if error.status.is_server_error() {
        tracing::warn!(request_id, status, code, method, cause, "request failed");
    } else if [401, 403, 429].contains(&status) {
        // Somebody has no right, or tries too often: an operator must be able to see that.
        tracing::info!(request_id, status, code, method, path, "request refused");
    } else {
        tracing::debug!(request_id, status, code, method, "request refused");
    }
}

#[cfg(test)]
mod tests {
    use actix_web::middleware::from_fn;
    use actix_web::web::{self, Data};
    use actix_web::{App, test};
    use serde_json::Value;
    use tidings_broker::{Depths, MessageFactory, Publisher};
    use tidings_settings::Reader;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::auth::Verifier;
    use crate::settings::ApiSettings;

    /// A state whose servers are unavailable: nothing listens on port 1.
    fn state() -> Data<AppState> {
        let vars = [
            ("RABBITMQ_URL", "amqp://127.0.0.1:1"),
            ("DATABASE_URL", "postgres://127.0.0.1:1/none"),
            ("JWT_SECRET", "4f9c1b7e2a8d6053f1e7c9b2a4d8063e5b7a9c1d"),
        ];
        let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let settings = ApiSettings::read(Reader::from_vars(vars)).expect("settings");
        let stop = CancellationToken::new();
        let (publisher, _) =
            Publisher::start(settings.broker.clone(), "test", |_| {}, stop.clone());
        Data::new(AppState {
            verifier: Arc::new(Verifier::new(&settings.auth).expect("a verifier")),
            message_factory: MessageFactory::new(&settings.broker),
            depths: Depths::start(publisher.clone(), settings.broker.names.clone(), stop).0,
            publisher,
            database: tidings_db::Database::new(&settings.database, "test").expect("a pool"),
            health: Arc::default(),
            in_flight: Arc::default(),
            metrics: tidings_runtime::telemetry::Metrics::detached(),
            request_bytes: tidings_http::ByteBudget::new(1 << 20),
            http: settings.http,
            providers: settings.providers,
            egress: settings.egress,
        })
    }

    #[actix_web::test]
    async fn a_handler_that_panics_answers_500_and_the_next_request_is_served() {
        async fn panicking() -> &'static str {
            panic!("told to")
        }
        let app = App::new()
            .app_data(state())
            .wrap(from_fn(wrap))
            .route("/panic", web::get().to(panicking))
            .route("/fine", web::get().to(|| async { "fine" }));
        let app = test::init_service(app).await;

        let request = test::TestRequest::get()
            .uri("/panic")
            .insert_header(("x-request-id", "r-1"));
        let error = test::try_call_service(&app, request.to_request())
            .await
            .expect_err("500");
        let response = error.error_response();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = actix_web::body::to_bytes(response.into_body())
            .await
            .expect("a body");
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(
            (&body["code"], &body["requestId"]),
            (&"internal_error".into(), &"r-1".into())
        );
        assert!(
            !body.to_string().contains("told to"),
            "the response reveals nothing internal"
        );

        let response =
            test::call_service(&app, test::TestRequest::get().uri("/fine").to_request()).await;
        assert_eq!(response.status(), StatusCode::OK);
    }
}
