use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use tidings_domain::access::Scope;
use tidings_domain::notification::UserId;
use uuid::Uuid;

use crate::auth::Caller;
use crate::error::{ApiError, ErrorDetail};

/// The endpoint id in a path, with the users whose endpoints the caller may manage. An endpoint of another
/// user counts as absent, so that callers cannot probe for ids.
#[derive(Clone, Copy, Debug)]
pub struct EndpointAccess {
    /// The id.
    pub id: Uuid,
    /// The required owner; `None` if the caller may manage the endpoints of all users.
    pub owner: Option<UserId>,
}

impl EndpointAccess {
    /// The 404 response.
    pub fn not_found() -> ApiError {
        ApiError::not_found("There is no webhook endpoint with this id")
    }

    fn of(request: &HttpRequest, payload: &mut Payload) -> Result<Self, ApiError> {
        let caller = Caller::from_request(request, payload).into_inner()?;
        let owner = caller.check_contacts()?.owner();
        let id = endpoint_id(request.match_info().get("id").unwrap_or_default())?;
        Ok(Self { id, owner })
    }
}

/// Which endpoints a caller may read.
#[derive(Clone, Copy, Debug)]
pub struct ReadableEndpoints {
    /// The required owner; `None` if the caller may read the endpoints of all users.
    pub owner: Option<UserId>,
    /// Whether the caller sees where the endpoints are, but not their whole URLs, which may contain a secret.
    pub hides_paths: bool,
}

impl ReadableEndpoints {
    /// What a caller may read who manages endpoints, or has the scope `dashboard`.
    ///
    /// # Errors
    ///
    /// Returns 403 for others.
    pub fn of(caller: &Caller) -> Result<Self, ApiError> {
        let managed = caller.check_contacts().map(|users| Self {
            owner: users.owner(),
            hides_paths: false,
        });
        managed.or_else(|error| {
            let all = Self {
                owner: None,
                hides_paths: true,
            };
            caller
                .check(Scope::Dashboard)
                .map(|()| all)
                .map_err(|_| error)
        })
    }
}

/// The endpoint id in a path.
///
/// # Errors
///
/// Returns 400.
pub fn endpoint_id(text: &str) -> Result<Uuid, ApiError> {
    Uuid::try_parse(text).map_err(|_| {
        let details = vec![ErrorDetail::new("id", "must be a UUID")];
        ApiError::bad_request(
            "invalid_endpoint_id",
            "The endpoint's id in the path must be a UUID",
            details,
        )
    })
}

impl FromRequest for EndpointAccess {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Self::of(request, payload))
    }
}
