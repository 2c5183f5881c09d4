use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use tidings_broker::PublishError;
use tidings_db::{DbError, DbErrorKind};
use utoipa::ToSchema;

/// Seconds after which a client may try again what failed for our own trouble. A server that comes
/// back is noticed within about three.
const RETRY_AFTER_SECS: u32 = 2;

/// More details than this help nobody.
pub const MAX_DETAILS: usize = 50;

/// A request that is refused or failed: the one shape of all errors, before it knows the request's
/// id.
#[derive(Debug)]
pub struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) details: Vec<Detail>,
    pub(crate) allow: Option<&'static str>,
    /// For the log alone.
    pub(crate) cause: Option<String>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Detail {
    /// The field's name.
    pub field: String,
    /// What is wrong with it and what would be right.
    pub message: String,
}

impl Detail {
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}

/// The body of every error.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody<'a> {
    /// The status's reason phrase.
    #[schema(example = "Bad Request")]
    error: &'a str,
    /// For people.
    #[schema(example = "Missing required fields: type, payload")]
    message: &'a str,
    /// Stable, for programs.
    #[schema(example = "missing_fields")]
    code: &'a str,
    /// The fields concerned.
    details: &'a [Detail],
    /// Names the request in the logs.
    request_id: &'a str,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            status,
            code,
            message,
            details: Vec::new(),
            allow: None,
            cause: None,
        }
    }

    /// 400.
    pub fn bad_request(
        code: &'static str,
        message: impl Into<String>,
        mut details: Vec<Detail>,
    ) -> Self {
        details.truncate(MAX_DETAILS);
        Self {
            details,
            ..Self::new(StatusCode::BAD_REQUEST, code, message)
        }
    }

    /// 401.
    pub fn unauthorized(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    /// 403.
    pub fn forbidden(message: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// 404.
    pub fn not_found(message: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// 409.
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// 405; `allow` lists the methods that there are.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let message = format!("This path takes {allow}");
        Self {
            allow: Some(allow),
            ..Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                message,
            )
        }
    }

    /// 408.
    pub fn request_timeout() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "request_timeout",
            "The body did not arrive in time",
        )
    }

    /// 413; `whole` is what may have `limit` bytes, for people.
    pub fn payload_too_large(whole: &str, limit: usize) -> Self {
        let message = format!("{whole} is larger than {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", message)
    }

    /// 415.
    pub fn unsupported_media_type(message: &str) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            message,
        )
    }

    /// 503.
    pub fn unavailable(code: &'static str, message: &str, cause: impl fmt::Display) -> Self {
        Self {
            cause: Some(cause.to_string()),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
        }
    }

    /// 500.
    pub fn internal(cause: impl fmt::Display) -> Self {
        let message = "Something went wrong on our side; the log knows it by the request id";
        Self {
            cause: Some(cause.to_string()),
            ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", message)
        }
    }

    /// What the framework refused by itself, in our shape.
    pub fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::not_found("There is nothing at this path"),
            _ => Self::new(status, "invalid_request", "The request cannot be read"),
        }
    }
}

impl From<PublishError> for ApiError {
    fn from(error: PublishError) -> Self {
        let message = "The message broker is not available; the notification may be sent again, best under an idempotency key";
        Self::unavailable("broker_unavailable", message, error)
    }
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        match error.kind() {
            DbErrorKind::Environment => Self::unavailable(
                "database_unavailable",
                "The database is not available",
                error,
            ),
            _ => Self::internal(error),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }
}

/// An error that knows its request: what is sent.
#[derive(Debug)]
pub struct Rejection {
    pub error: ApiError,
    pub request_id: String,
    /// Whether the connection ends with the answer.
    pub close: bool,
}

impl Rejection {
    /// The body, as JSON.
    pub fn body(&self) -> String {
        // Strings alone: nothing in it can fail to be serialised.
        serde_json::to_string(&self.told()).unwrap_or_default()
    }

    /// The body.
    pub fn told(&self) -> ErrorBody<'_> {
        let ApiError {
            status,
            code,
            message,
            details,
            ..
        } = &self.error;
        ErrorBody {
            error: status.canonical_reason().unwrap_or("Error"),
            message,
            code,
            details,
            request_id: &self.request_id,
        }
    }

    /// The response with this body, which is at least what is told.
    pub fn response(&self, body: &impl Serialize) -> HttpResponse {
        let ApiError { status, allow, .. } = &self.error;
        let mut response = HttpResponse::build(*status);
        match *status {
            StatusCode::UNAUTHORIZED => {
                response.insert_header((WWW_AUTHENTICATE, "Bearer realm=\"tidings\""));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                response.insert_header((RETRY_AFTER, RETRY_AFTER_SECS));
            }
            _ => {}
        }
        if let Some(allow) = allow {
            response.insert_header((ALLOW, *allow));
        }
        if self.close {
            response.force_close();
        }
        response.insert_header(("x-request-id", self.request_id.as_str()));
        response.json(body)
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl ResponseError for Rejection {
    fn status_code(&self) -> StatusCode {
        self.error.status
    }

    fn error_response(&self) -> HttpResponse {
        self.response(&self.told())
    }
}
