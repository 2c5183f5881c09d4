use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
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
        let id = request.match_info().get("id").unwrap_or_default();
        let id = Uuid::try_parse(id).map_err(|_| {
            let details = vec![ErrorDetail::new("id", "must be a UUID")];
            ApiError::bad_request(
                "invalid_endpoint_id",
                "The endpoint's id in the path must be a UUID",
                details,
            )
        })?;
        Ok(Self { id, owner })
    }
}

impl FromRequest for EndpointAccess {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Self::of(request, payload))
    }
}
