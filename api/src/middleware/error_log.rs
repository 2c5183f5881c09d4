use actix_web::http::StatusCode;

use crate::error::ErrorResponse;

/// Logs a request that is refused or has failed.
pub fn log(response: &ErrorResponse, method: &str, path: &str) {
    let ErrorResponse {
        error, request_id, ..
    } = response;
    let (status, code, cause) = (error.status.as_u16(), error.code, error.cause.as_deref());
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
