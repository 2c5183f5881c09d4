use actix_cors::CorsError;
use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::ACCESS_CONTROL_REQUEST_METHOD;

use super::{METHODS, REQUEST_HEADERS};
use crate::error::ApiError;

/// Whether a browser asks if a page may send a request.
pub fn is_preflight(request: &HttpRequest) -> bool {
    *request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The error for a preflight request of an origin that is not allowed.
pub fn origin_not_allowed() -> ApiError {
    ApiError {
        code: "origin_not_allowed",
        ..ApiError::forbidden(
            "Pages of this origin may not use the API; its operator allows origins by CORS_ALLOWED_ORIGINS",
        )
    }
}

/// The error that takes the place of the plain text of actix-cors.
pub fn preflight_error(error: &CorsError) -> ApiError {
    let message = match error {
        CorsError::OriginNotAllowed => return origin_not_allowed(),
        CorsError::MethodNotAllowed | CorsError::BadRequestMethod => {
            let methods: Vec<_> = METHODS.iter().map(Method::as_str).collect();
            format!(
                "Access-Control-Request-Method must be one of {}",
                methods.join(", ")
            )
        }
        CorsError::HeadersNotAllowed | CorsError::BadRequestHeaders => {
            let names = REQUEST_HEADERS.map(|name| name.as_str().to_owned());
            format!(
                "Access-Control-Request-Headers may name only {}",
                names.join(", ")
            )
        }
        other => other.to_string(),
    };
    ApiError::bad_request("invalid_preflight", message, Vec::new())
}
