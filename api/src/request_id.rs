use std::future::{Ready, ready};

use actix_web::dev::{Payload, ServiceRequest};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use uuid::Uuid;

use crate::error::ApiError;

/// The header with the id, in requests and responses, and its name in gRPC metadata.
pub const REQUEST_ID: HeaderName = HeaderName::from_static(REQUEST_ID_NAME);
pub const REQUEST_ID_NAME: &str = "x-request-id";

/// Identifies a request in its response and in the logs.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

impl RequestId {
    /// The client's `X-Request-Id`, if it has at most 128 characters of `A-Z a-z 0-9 - _ .`, or a new id.
    pub fn of(request: &ServiceRequest) -> Self {
        let own = request.headers().get(REQUEST_ID);
        Self::or_new(own.map(HeaderValue::as_bytes))
    }

    /// The id that a client has sent, if it is valid, or a new one.
    pub fn or_new(own: Option<&[u8]>) -> Self {
        let is_valid = |id: &&str| {
            (1..=128).contains(&id.len())
                && id
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        let own = own
            .and_then(|own| std::str::from_utf8(own).ok())
            .filter(is_valid);
        own.map_or_else(Self::generate, |own| Self(own.to_owned()))
    }

    /// A new id.
    pub fn generate() -> Self {
        Self(Uuid::now_v7().to_string())
    }
}

impl FromRequest for RequestId {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.extensions().get::<Self>().cloned();
        ready(id.ok_or_else(|| ApiError::internal("the request has no id")))
    }
}
