use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use tidings_domain::notification::UserId;
use uuid::Uuid;

use crate::auth::Caller;
use crate::error::{ApiError, Detail};

/// The user whose contacts a path names. As an extractor it refuses callers who may not manage them.
#[derive(Clone, Copy, Debug)]
pub struct Owner(pub UserId);

impl Owner {
    /// The path of this user's contacts of one kind.
    pub fn path(self, kind: &str) -> String {
        format!("/api/users/{}/contacts/{kind}", self.0)
    }

    /// 404.
    pub fn not_found() -> ApiError {
        ApiError::not_found("There is no user with this id")
    }

    fn of(request: &HttpRequest, payload: &mut Payload) -> Result<Self, ApiError> {
        let caller = Caller::from_request(request, payload).into_inner()?;
        caller.check_contacts()?;
        let id = request.match_info().get("user_id").unwrap_or_default();
        let user = id.parse().map_err(|_| {
            let details = vec![Detail::new("userId", "must be a UUID")];
            ApiError::bad_request(
                "invalid_user_id",
                "The user id in the path must be a UUID",
                details,
            )
        })?;
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

/// The contact that a path names. As an extractor it refuses what is no id; take it after [`Owner`],
/// so that who may not manage contacts learns nothing else.
#[derive(Clone, Copy, Debug)]
pub struct ContactId(pub Uuid);

impl ContactId {
    /// 404.
    pub fn not_found() -> ApiError {
        ApiError::not_found("The user has no such contact")
    }
}

impl FromRequest for ContactId {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().get("id").unwrap_or_default();
        ready(Uuid::try_parse(id).map(Self).map_err(|_| {
            let details = vec![Detail::new("id", "must be a UUID")];
            ApiError::bad_request(
                "invalid_contact_id",
                "The contact's id in the path must be a UUID",
                details,
            )
        }))
    }
}
