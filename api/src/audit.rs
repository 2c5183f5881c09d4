//! The caller and the address of a request, for the audit log.

use std::future::{Ready, ready};
use std::net::SocketAddr;

use actix_web::dev::Payload;
use actix_web::http::header::USER_AGENT;
use actix_web::{FromRequest, HttpRequest};
use tidings_db::audit::AuditOrigin;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::request_id::RequestId;

/// The caller of a request with its address. As an extractor, rejects requests without a valid token; extract it after the
/// types that check the caller's rights.
///
/// The address is that of the connection: anybody can send `X-Forwarded-For`.
#[derive(Clone, Debug)]
pub struct Origin(pub AuditOrigin);

impl Origin {
    fn of(request: &HttpRequest, payload: &mut Payload) -> Result<Self, ApiError> {
        let caller = Caller::from_request(request, payload).into_inner()?;
        let id = RequestId::from_request(request, payload).into_inner()?;
        let agent = request.headers().get(USER_AGENT);
        let agent = agent.map(|value| String::from_utf8_lossy(value.as_bytes()));
        let ip = request.peer_addr().as_ref().map(SocketAddr::ip);
        let origin = AuditOrigin::new(caller.actor_kind(), &caller.sender());
        Ok(Self(origin.with_request(&id.0, ip, agent.as_deref())))
    }
}

impl FromRequest for Origin {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Self::of(request, payload))
    }
}
