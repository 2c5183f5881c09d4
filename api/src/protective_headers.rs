//! The headers that protect a browser, on every response.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderValue};
use tidings_http::set_security_headers;

/// Nothing in a JSON response may be loaded or executed, and no page may frame it.
const JSON_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// What Swagger UI needs: its own files, inline styles, images in `data:` URLs, and requests to this API.
const DOCUMENTATION_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Sets the headers of a response. Only the documentation, which contains no personal data, may be stored by caches.
pub fn set_protective_headers(headers: &mut HeaderMap, is_documentation: bool) {
    set_security_headers(headers);
    let policy = if is_documentation {
        DOCUMENTATION_POLICY
    } else {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        JSON_POLICY
    };
    headers.insert(CONTENT_SECURITY_POLICY, policy);
}
