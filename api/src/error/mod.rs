//! Errors of the API and the one shape in which clients get them.

mod response;

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use actix_web::ResponseError;
use actix_web::http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use tidings_broker::PublishError;
use tidings_db::{DbError, DbErrorKind, SealError};
use tidings_domain::time::InvalidDeliveryWindow;
use tidings_http::FrameworkError;
use utoipa::ToSchema;

pub use response::{ErrorBody, ErrorResponse};

/// The `Retry-After` of every 503, in seconds. The API notices within about three seconds that RabbitMQ or
/// PostgreSQL is back.
const RETRY_AFTER_SECS: u32 = 2;

/// The maximum number of details in an error.
pub const MAX_DETAILS: usize = 50;

/// Why a request is refused or has failed. [`ErrorResponse`] adds the request's id.
#[derive(Debug)]
pub struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) details: Vec<ErrorDetail>,
    pub(crate) allow: Option<&'static str>,
    /// Until when a worker may send the notification.
    pub(crate) lease_until: Option<Box<Timestamp>>,
    /// The value of `Retry-After` in seconds, where it is not the one of every 503.
    pub(crate) retry_after: Option<NonZeroU32>,
    /// Only for the log: clients do not see the cause.
    pub(crate) cause: Option<Box<str>>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ErrorDetail {
    /// The field's path.
    pub field: String,
    /// What is wrong with the field and what would be right.
    pub message: String,
}

impl ErrorDetail {
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
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
            lease_until: None,
            retry_after: None,
            cause: None,
        }
    }

    /// 400.
    pub fn bad_request(
        code: &'static str,
        message: impl Into<String>,
        mut details: Vec<ErrorDetail>,
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

    /// The 404 response.
    pub fn not_found(message: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// 409: a worker may send the notification until `lease_until`.
    pub fn being_sent(lease_until: Timestamp) -> Self {
        let message = "A worker is sending the notification; try again after leaseUntil";
        Self {
            lease_until: Some(lease_until.into()),
            ..Self::conflict("being_sent", message)
        }
    }

    /// 409.
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// 410.
    pub fn gone(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, code, message)
    }

    /// 405. `allow` lists the methods that the path supports.
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

    /// 413. `source` names in the message what may have at most `limit` bytes.
    pub fn payload_too_large(source: &str, limit: usize) -> Self {
        let message = format!("{source} is larger than {limit} bytes");
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

    /// 422.
    pub fn unprocessable(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
    }

    /// 429.
    pub fn rate_limited(retry_after_secs: NonZeroU32) -> Self {
        let message = format!("Too many requests; try again in {retry_after_secs} s");
        Self {
            retry_after: Some(retry_after_secs),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message)
        }
    }

    /// 429 for other reasons than the caller's rate. The client may try again after `retry_after`.
    pub fn too_many(code: &'static str, message: impl Into<String>, retry_after: Duration) -> Self {
        let secs = retry_after.as_millis().div_ceil(1000);
        let secs = u32::try_from(secs).unwrap_or(u32::MAX);
        Self {
            retry_after: Some(NonZeroU32::new(secs).unwrap_or(NonZeroU32::MIN)),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, code, message)
        }
    }

    /// 401 for other reasons than the token.
    pub fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, message)
    }

    /// 403 for other reasons than the scopes.
    pub fn not_allowed(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    /// 404 for other reasons than the path.
    pub fn absent(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// 503.
    pub fn unavailable(code: &'static str, message: &str, cause: impl fmt::Display) -> Self {
        Self {
            cause: Some(cause.to_string().into()),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
        }
    }

    /// 500.
    pub fn internal(cause: impl fmt::Display) -> Self {
        let message = "Something went wrong on our side; the log knows it by the request id";
        Self {
            cause: Some(cause.to_string().into()),
            ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", message)
        }
    }

    /// 503: the memory for request bodies or responses is taken.
    pub fn overloaded() -> Self {
        let message = "Too many bytes are in flight; try again";
        Self::unavailable("overloaded", message, "the limit of bytes in flight")
    }

    /// The error for a connection on which there is no request that could be read.
    pub fn from_framework(error: FrameworkError) -> Self {
        match error {
            FrameworkError::Malformed => Self::bad_request(
                "malformed_http",
                "The request is not valid HTTP/1.1",
                Vec::new(),
            ),
            FrameworkError::SlowHead => Self {
                message: "The request head did not arrive in time".to_owned(),
                ..Self::request_timeout()
            },
            FrameworkError::HeadTooLarge => Self::new(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "request_head_too_large",
                "The request line and the headers are too large",
            ),
        }
    }

    /// The error for a status with which the framework itself refused the request.
    pub fn from_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::not_found("There is nothing at this path"),
            _ => Self::new(status, "invalid_request", "The request cannot be read"),
        }
    }
}

impl ApiError {
    /// How long the caller should wait before it tries again, if a retry may succeed.
    pub fn retry_after(&self) -> Option<Duration> {
        let secs = match self.status {
            StatusCode::SERVICE_UNAVAILABLE => RETRY_AFTER_SECS,
            _ => self.retry_after?.get(),
        };
        Some(Duration::from_secs(secs.into()))
    }
}

impl From<PublishError> for ApiError {
    fn from(error: PublishError) -> Self {
        if matches!(error, PublishError::TooLarge) {
            let message = "The message broker takes no message of this size";
            return Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", message);
        }
        let message = "The message broker is not available; the notification may be sent again, best under an idempotency key";
        Self::unavailable("broker_unavailable", message, error)
    }
}

impl From<InvalidDeliveryWindow> for ApiError {
    fn from(error: InvalidDeliveryWindow) -> Self {
        let message = format!("Invalid fields: {}: {error}", error.field());
        let details = vec![ErrorDetail::new(error.field(), error.to_string())];
        Self::bad_request(error.code(), message, details)
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

impl From<SealError> for ApiError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::KeyMissing => Self::unavailable(
                "secrets_key_missing",
                "The secret cannot be stored before the operator has set SECRETS_KEY",
                error,
            ),
            SealError::Encryption => Self::internal(error),
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
