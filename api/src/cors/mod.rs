//! Cross-origin requests: which web pages may read responses ([CORS protocol of the Fetch Standard]).
//!
//! Browsers attach no credentials of their own to these requests, because the API allows none: a page must have a token. The only
//! cookie, that of the [dashboard](crate::dashboard), is refused in requests of other origins.
//!
//! [CORS protocol of the Fetch Standard]: https://fetch.spec.whatwg.org/#http-cors-protocol

mod headers;
mod origins;
mod preflight;

use actix_cors::Cors;
use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use actix_web::middleware::Condition;

pub use headers::{CorsHeaders, set_exposed_headers};
pub use origins::AllowedOrigins;
pub use preflight::{is_preflight, origin_not_allowed, preflight_error};

use crate::auth::X_API_KEY;
use crate::handlers::inbox::LAST_EVENT_ID;
use crate::handlers::notifications::IDEMPOTENCY_KEY;
use crate::request_id::REQUEST_ID;

/// How long a browser may remember the response to a preflight request, in seconds. Chromium remembers it no longer.
const MAX_AGE_SECS: usize = 7200;

/// The methods of all paths.
const METHODS: [Method; 6] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];

/// The request headers that the API reads and that browsers send to other origins only with permission.
const REQUEST_HEADERS: [HeaderName; 6] = [
    AUTHORIZATION,
    CONTENT_TYPE,
    IDEMPOTENCY_KEY,
    LAST_EVENT_ID,
    REQUEST_ID,
    X_API_KEY,
];

/// The middleware that answers preflight requests and adds the headers for allowed origins. Without an allowed origin, it
/// is off.
pub fn middleware(origins: &AllowedOrigins) -> Condition<Cors> {
    let cors = Cors::default()
        .allowed_methods(METHODS)
        .allowed_headers(REQUEST_HEADERS)
        .max_age(MAX_AGE_SECS);
    let cors = match origins {
        AllowedOrigins::None => cors,
        AllowedOrigins::Any => cors.allow_any_origin().send_wildcard(),
        AllowedOrigins::Listed(origins) => origins
            .iter()
            .fold(cors, |cors, origin| cors.allowed_origin(origin)),
    };
    Condition::new(*origins != AllowedOrigins::None, cors)
}
