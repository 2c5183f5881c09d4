use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, HeaderMap, HeaderValue, VARY,
};

use super::AllowedOrigins;

/// The response headers of the API that pages can read only with permission.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "allow, idempotency-replayed, location, ratelimit, ratelimit-policy, retry-after, www-authenticate, x-request-id",
);

/// The headers of a response that say which page may read it. The error that takes the place of a response keeps them.
#[derive(Clone, Debug, Default)]
pub struct CorsHeaders {
    allow_origin: Option<HeaderValue>,
    vary: Option<HeaderValue>,
}

impl CorsHeaders {
    /// The headers of an existing response.
    pub fn of(response: &HeaderMap) -> Self {
        Self {
            allow_origin: response.get(ACCESS_CONTROL_ALLOW_ORIGIN).cloned(),
            vary: response.get(VARY).cloned(),
        }
    }

    /// The headers of a response to a request that no middleware sees. `origin` is the request's `Origin`.
    pub fn for_origin(origins: &AllowedOrigins, origin: &str) -> Self {
        let allowed = match origins {
            AllowedOrigins::None => None,
            AllowedOrigins::Any => Some("*"),
            AllowedOrigins::Listed(origins) => origins
                .iter()
                .map(String::as_str)
                .find(|allowed| *allowed == origin),
        };
        Self {
            allow_origin: allowed.and_then(|allowed| HeaderValue::from_str(allowed).ok()),
            vary: Some(HeaderValue::from_static("Origin")),
        }
    }

    /// Adds the headers to a response.
    pub fn set(&self, response: &mut HeaderMap) {
        if let Some(allow_origin) = &self.allow_origin {
            response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allow_origin.clone());
        }
        if let Some(vary) = &self.vary {
            response.insert(VARY, vary.clone());
        }
        set_exposed_headers(response);
    }
}

/// Names the headers that the page may read, if it may read the response. actix-cors would name them to every client.
pub fn set_exposed_headers(response: &mut HeaderMap) {
    if response.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
        response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}
