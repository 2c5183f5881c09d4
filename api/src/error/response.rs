use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::{ApiError, ErrorDetail, RETRY_AFTER_SECS};
use crate::cors::CorsHeaders;
use crate::protective_headers::{ResponseKind, set_protective_headers};
use crate::rate_limit::RateLimitHeaders;

/// The body of every error.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody<'a> {
    /// The reason phrase of the status.
    #[schema(example = "Bad Request")]
    error: &'a str,
    /// A description for people.
    #[schema(example = "Missing required fields: type, payload")]
    message: &'a str,
    /// A stable code for programs.
    #[schema(example = "missing_fields")]
    code: &'a str,
    /// The fields that the error is about.
    details: &'a [ErrorDetail],
    /// Identifies the request in the logs.
    request_id: &'a str,
    /// Until when a worker may send the notification, with `being_sent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    lease_until: Option<Timestamp>,
}

/// The response to a request that is refused or has failed.
#[derive(Debug)]
pub struct ErrorResponse {
    pub error: ApiError,
    pub request_id: String,
    /// Whether the server closes the connection after the response.
    pub close: bool,
    /// Which page may read the response.
    pub cors: CorsHeaders,
    /// What the caller has left, if it has a limit.
    pub rate_limit: Option<RateLimitHeaders>,
}

impl ErrorResponse {
    /// The body, as JSON.
    pub fn json(&self) -> String {
        // The body consists of strings, so serialization cannot fail.
        serde_json::to_string(&self.body()).unwrap_or_default()
    }

    /// The body.
    pub fn body(&self) -> ErrorBody<'_> {
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
            lease_until: self.error.lease_until.as_deref().copied(),
        }
    }

    /// The HTTP response with the given body, which must include [`ErrorResponse::body`].
    pub fn with_body(&self, body: &impl Serialize) -> HttpResponse {
        let ApiError {
            status,
            allow,
            retry_after,
            ..
        } = &self.error;
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
        if let Some(secs) = retry_after {
            response.insert_header((RETRY_AFTER, secs.get()));
        }
        if let Some(allow) = allow {
            response.insert_header((ALLOW, *allow));
        }
        if self.close {
            response.force_close();
        }
        response.insert_header(("x-request-id", self.request_id.as_str()));
        let mut response = response.json(body);
        set_protective_headers(response.headers_mut(), ResponseKind::Json);
        self.cors.set(response.headers_mut());
        if let Some(rate_limit) = &self.rate_limit {
            rate_limit.set(response.headers_mut());
        }
        response
    }
}

impl fmt::Display for ErrorResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl ResponseError for ErrorResponse {
    fn status_code(&self) -> StatusCode {
        self.error.status
    }

    fn error_response(&self) -> HttpResponse {
        self.with_body(&self.body())
    }
}
