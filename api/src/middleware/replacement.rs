//! The errors that take the place of responses.

use actix_cors::CorsError;
use actix_web::Error;
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::Method;
use actix_web::http::header::CONTENT_TYPE;
use tidings_http::{Connection, Overloaded};

use crate::cors::preflight_error;
use crate::error::ApiError;
use crate::protective_headers::ResponseKind;

/// Returns the error that must be sent instead of a response, if there is one. Otherwise, the response counts towards
/// `MAX_RESPONSE_BYTES_IN_FLIGHT` until the client has read it.
pub fn replacement<B: MessageBody>(
    response: &ServiceResponse<B>,
    connection: Option<&Connection>,
) -> Option<ApiError> {
    error_in(response).or_else(|| {
        let Overloaded = connection?.end_request(size(response)).err()?;
        Some(ApiError::overloaded())
    })
}

/// The error in a response: one that a handler returned, or a client error of the framework or of Swagger UI,
/// whose body does not have the shape of our errors. A page for users is not replaced.
fn error_in<B>(response: &ServiceResponse<B>) -> Option<ApiError> {
    if let Some(error) = response.response().error() {
        return Some(to_api_error(error));
    }
    let has_json_body = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind == "application/json");
    let extensions = response.response().extensions();
    let is_page = extensions.get() == Some(&ResponseKind::Page);
    let refused = response.status().is_client_error() && !has_json_body && !is_page;
    refused.then(|| ApiError::from_status(response.status()))
}

/// The size of the body that is sent. A response to HEAD announces the size of a body that is not sent.
fn size<B: MessageBody>(response: &ServiceResponse<B>) -> BodySize {
    match *response.request().method() {
        Method::HEAD => BodySize::None,
        _ => response.response().body().size(),
    }
}

/// The error that clients get for an error of a handler or of the framework.
pub fn to_api_error(error: &Error) -> ApiError {
    if let Some(error) = error.as_error::<CorsError>() {
        return preflight_error(error);
    }
    match error.as_error::<ApiError>() {
        Some(ApiError {
            status,
            code,
            message,
            details,
            allow,
            lease_until,
            retry_after,
            cause,
        }) => ApiError {
            status: *status,
            code,
            message: message.clone(),
            details: details.clone(),
            allow: *allow,
            lease_until: lease_until.clone(),
            retry_after: *retry_after,
            cause: cause.clone(),
        },
        None => match error.as_response_error().status_code() {
            status if status.is_client_error() => ApiError::from_status(status),
            _ => ApiError::internal(error),
        },
    }
}
