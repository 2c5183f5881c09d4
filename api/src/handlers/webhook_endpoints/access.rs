use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use tidings_domain::notification::UserId;
use uuid::Uuid;

use crate::auth::{Caller, Readable};
use crate::error::{ApiError, Detail};

/// The endpoint that a path names, for a caller who may manage some. Somebody else's looks like none,
/// so that ids cannot be tried out.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Names it.
    pub id: Uuid,
    /// Whose it must be; anybody's where there is none.
    pub owner: Option<UserId>,
}

impl Wanted {
    /// 404.
    pub fn not_found() -> ApiError {
        ApiError::not_found("There is no webhook endpoint with this id")
    }

    fn of(request: &HttpRequest, payload: &mut Payload) -> Result<Self, ApiError> {
        let caller = Caller::from_request(request, payload).into_inner()?;
        let owner = owner(caller.check_contacts()?);
        let id = request.match_info().get("id").unwrap_or_default();
        let id = Uuid::try_parse(id).map_err(|_| {
            let details = vec![Detail::new("id", "must be a UUID")];
            ApiError::bad_request(
                "invalid_endpoint_id",
                "The endpoint's id in the path must be a UUID",
                details,
            )
        })?;
        Ok(Self { id, owner })
    }
}

impl FromRequest for Wanted {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Self::of(request, payload))
    }
}

/// Whose endpoints they are to be; anybody's where the caller may manage all.
pub const fn owner(manageable: Readable) -> Option<UserId> {
    match manageable {
        Readable::All => None,
        Readable::Own(user) => Some(user),
    }
}
