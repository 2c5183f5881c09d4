use actix_web::Error;
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::middleware::Next;

use crate::connection::Connection;
use crate::security_headers::set_security_headers;

/// The middleware of an application whose responses are short: tells the connection when a request begins and ends, and
/// sets the headers that protect a browser.
///
/// # Errors
///
/// Returns the error of the handler.
pub async fn short_responses<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let connection = Connection::of(request.request());
    if let Some(connection) = &connection {
        connection.begin_request();
    }
    let mut response = next.call(request).await;
    if let Some(connection) = &connection {
        let _ = connection.end_request(BodySize::None);
    }
    if let Ok(response) = &mut response {
        let headers = response.headers_mut();
        set_security_headers(headers);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}
