//! The caller and the address of a request, for the audit log.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use tidings_db::audit::AuditOrigin;

use crate::auth::Caller;
use crate::client_info::client_info;
use crate::error::ApiError;

/// The caller of a request with its address. As an extractor, rejects requests without a valid token; extract it after the
/// types that check the caller's rights.
///
/// The address is that of the connection, unless a trusted proxy has forwarded another: anybody can send `X-Forwarded-For`.
#[derive(Clone, Debug)]
pub struct Origin(pub AuditOrigin);

impl Origin {
    fn of(request: &HttpRequest, payload: &mut Payload) -> Result<Self, ApiError> {
        let caller = Caller::from_request(request, payload).into_inner()?;
        let client = client_info(request);
        let agent = client.user_agent.as_deref();
        let origin = AuditOrigin::new(caller.actor_kind(), &caller.sender());
        let origin = origin.with_request(&client.request_id, client.ip, agent);
        Ok(Self(origin))
    }
}

impl FromRequest for Origin {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Self::of(request, payload))
    }
}
