use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use tidings_domain::access::Scope;
use tidings_domain::notification::UserId;

use crate::auth::Caller;
use crate::error::{ApiError, ErrorDetail};

/// Returns the user id in the path.
///
/// # Errors
///
/// Returns 400 if it is not a UUID.
pub fn user_id(request: &HttpRequest) -> Result<UserId, ApiError> {
    let id = request.match_info().get("user_id").unwrap_or_default();
    id.parse().map_err(|_| {
        let details = vec![ErrorDetail::new("userId", "must be a UUID")];
        ApiError::bad_request(
            "invalid_user_id",
            "The user id in the path must be a UUID",
            details,
        )
    })
}

/// The 404 response.
pub fn not_found() -> ApiError {
    ApiError::not_found("There is no user with this id")
}

/// The user in a path, for a caller that may read users. As an extractor, rejects other callers before it looks at the id.
#[derive(Clone, Copy, Debug)]
pub struct ReadableUser(pub UserId);

impl FromRequest for ReadableUser {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload).into_inner();
        let allowed = caller.and_then(|caller| caller.check(Scope::UsersRead));
        ready(allowed.and_then(|()| user_id(request)).map(Self))
    }
}

/// The user in a path, for a caller that may write users. As an extractor, rejects other callers before it looks at the
/// id.
#[derive(Clone, Copy, Debug)]
pub struct WritableUser(pub UserId);

impl FromRequest for WritableUser {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload).into_inner();
        let allowed = caller.and_then(|caller| caller.check(Scope::UsersWrite));
        ready(allowed.and_then(|()| user_id(request)).map(Self))
    }
}
