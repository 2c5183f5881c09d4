//! What every request has round it: an id, a log line, metrics, and the one shape of errors.

use std::future::{Ready, ready};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest};
use futures_util::FutureExt;
use metrics::{counter, histogram};
use uuid::Uuid;

use crate::error::{ApiError, Rejection};
use crate::state::AppState;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names a request in its answer and in the logs.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

impl RequestId {
    /// The client's own (`X-Request-Id`), where it is short and plain, or a new one.
    fn of(request: &ServiceRequest) -> Self {
        let plain = |id: &&str| {
            (1..=128).contains(&id.len())
                && id
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        let own = request
            .headers()
            .get(REQUEST_ID)
            .and_then(|value| value.to_str().ok())
            .filter(plain);
        Self(own.map_or_else(|| Uuid::now_v7().to_string(), str::to_owned))
    }
}

impl FromRequest for RequestId {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.extensions().get::<Self>().cloned();
        ready(id.ok_or_else(|| ApiError::internal("the request has no id")))
    }
}

/// The outermost middleware.
///
/// # Errors
///
/// A [`Rejection`] where the request was refused or failed: by a handler, by the framework, or by a
/// panic, which costs nobody but its own request.
pub async fn wrap(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let start = Instant::now();
    let id = RequestId::of(&request);
    request.extensions_mut().insert(id.clone());
    let method = known(request.method());
    let state = AppState::of(request.request());
    let (health, _in_flight) = (Arc::clone(&state.health), state.in_flight.enter());

    let (path, outcome) = match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(Ok(response)) => (
            pattern(&response),
            error_of(&response).map_or(Ok(response), Err),
        ),
        Ok(Err(error)) => ("unmatched".to_owned(), Err(in_our_shape(&error))),
        Err(_) => (
            "unmatched".to_owned(),
            Err(ApiError::internal("the handler panicked")),
        ),
    };
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
            // A client that is told so opens its next connection to a process that stays.
            if health.is_draining() {
                head.set_connection_type(ConnectionType::Close);
            }
            Ok(response)
        }
        Err(error) => {
            log(&error, &id, method);
            Err(Rejection {
                error,
                request_id: id.0,
                close: health.is_draining(),
            }
            .into())
        }
    }
}

/// The method, where it is one of RFC 9110 or PATCH: anybody can make up others, and each would be a
/// figure of its own for good.
fn known(method: &Method) -> &'static str {
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

/// The path as it was registered, so that there are only so many of them.
fn pattern<B>(response: &ServiceResponse<B>) -> String {
    response
        .request()
        .match_pattern()
        .unwrap_or_else(|| "unmatched".to_owned())
}

/// The error that a response was made of, where it was; and what the framework or Swagger UI answered
/// by themselves, without a body of ours.
fn error_of<B>(response: &ServiceResponse<B>) -> Option<ApiError> {
    if let Some(error) = response.response().error() {
        return Some(in_our_shape(error));
    }
    let ours = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind == "application/json");
    let refused = response.status().is_client_error() && !ours;
    refused.then(|| ApiError::of_status(response.status()))
}

fn in_our_shape(error: &Error) -> ApiError {
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
            status if status.is_client_error() => ApiError::of_status(status),
            _ => ApiError::internal(error),
        },
    }
}

fn log(error: &ApiError, id: &RequestId, method: &str) {
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
    use tidings_broker::{Depths, Publisher, Router};
    use tidings_settings::Reader;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::auth::Verifier;
    use crate::settings::Settings;

    /// A state whose servers are away: nothing listens at port 1.
    fn state() -> Data<AppState> {
        let vars = [
            ("RABBITMQ_URL", "amqp://127.0.0.1:1"),
            ("DATABASE_URL", "postgres://127.0.0.1:1/none"),
            ("JWT_SECRET", "4f9c1b7e2a8d6053f1e7c9b2a4d8063e5b7a9c1d"),
        ];
        let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let settings = Settings::read(Reader::from_vars(vars)).expect("settings");
        let stop = CancellationToken::new();
        let (publisher, _) =
            Publisher::start(settings.broker.clone(), "test", |_| {}, stop.clone());
        Data::new(AppState {
            verifier: Arc::new(Verifier::new(&settings.auth).expect("a verifier")),
            router: Router::new(&settings.broker),
            depths: Depths::start(publisher.clone(), settings.broker.names.clone(), stop),
            publisher,
            database: tidings_db::Database::new(&settings.database, "test").expect("a pool"),
            health: Arc::default(),
            in_flight: Arc::default(),
            metrics: tidings_runtime::telemetry::Metrics::detached(),
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
        let rejection = test::try_call_service(&app, request.to_request())
            .await
            .expect_err("500");
        let response = rejection.error_response();
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
            "says nothing about the inside"
        );

        let response =
            test::call_service(&app, test::TestRequest::get().uri("/fine").to_request()).await;
        assert_eq!(response.status(), StatusCode::OK);
    }
}
