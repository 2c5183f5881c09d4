use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use tidings_domain::access::{ApiKeyId, Scope};

use crate::auth::Caller;
use crate::error::{ApiError, ErrorDetail};
use crate::handlers::reads;

/// The key id in a path, for a caller that may manage keys. As an extractor, rejects other callers before it looks at the
/// id.
#[derive(Clone, Copy, Debug)]
pub struct KeyAccess(pub ApiKeyId);

impl KeyAccess {
    /// The 404 response.
    pub fn not_found() -> ApiError {
        ApiError::not_found("There is no API key with this id")
    }

    /// The 409 response to a change of a revoked key.
    pub fn revoked() -> ApiError {
        let message = "The key is revoked, for good; create another one";
        ApiError::conflict("key_revoked", message)
    }

    fn of(request: &HttpRequest, payload: &mut Payload) -> Result<Self, ApiError> {
        let caller = Caller::from_request(request, payload).into_inner()?;
        if reads(request) {
            caller.check_any([Scope::KeysWrite, Scope::Dashboard])?;
        } else {
            caller.check(Scope::KeysWrite)?;
        }
        let id = request.match_info().get("id").unwrap_or_default();
        let invalid = |error: <ApiKeyId as std::str::FromStr>::Err| {
            let details = vec![ErrorDetail::new("id", error.to_string())];
            let message = "The key's id in the path must have 10 letters and digits";
            ApiError::bad_request("invalid_key_id", message, details)
        };
        Ok(Self(id.parse().map_err(invalid)?))
    }
}

impl FromRequest for KeyAccess {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Self::of(request, payload))
    }
}
