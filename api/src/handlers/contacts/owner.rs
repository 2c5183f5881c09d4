use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use tidings_domain::notification::UserId;
use uuid::Uuid;

use crate::auth::Caller;
use crate::error::{ApiError, ErrorDetail};
use crate::handlers::users::path::{not_found, user_id};

/// The user in a path under which contacts are managed. As an extractor, rejects callers that may not manage
/// the user's contacts.
#[derive(Clone, Copy, Debug)]
pub struct Owner(pub UserId);

impl Owner {
    /// The path of one collection of this user's contacts.
    pub fn path(self, collection: &str) -> String {
        format!("/api/users/{}/contacts/{collection}", self.0)
    }

    /// The 404 response.
    pub fn not_found() -> ApiError {
        not_found()
    }

    fn of(request: &HttpRequest, payload: &mut Payload) -> Result<Self, ApiError> {
        let caller = Caller::from_request(request, payload).into_inner()?;
        caller.check_contacts()?;
        let user = user_id(request)?;
        caller.check_contacts_of(user)?;
        Ok(Self(user))
    }
}

impl FromRequest for Owner {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Self::of(request, payload))
    }
}

/// The contact id in a path. As an extractor, rejects a segment that is not a UUID. Extract it after
/// [`Owner`], so that a caller without the right to manage contacts gets 403 first.
#[derive(Clone, Copy, Debug)]
pub struct ContactId(pub Uuid);

impl ContactId {
    /// The 404 response.
    pub fn not_found() -> ApiError {
        ApiError::not_found("The user does not have this contact")
    }
}

impl FromRequest for ContactId {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().get("id").unwrap_or_default();
        ready(Uuid::try_parse(id).map(Self).map_err(|_| {
            let details = vec![ErrorDetail::new("id", "must be a UUID")];
            ApiError::bad_request(
                "invalid_contact_id",
                "The contact's id in the path must be a UUID",
                details,
            )
        }))
    }
}
