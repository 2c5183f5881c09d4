use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use tidings_domain::notification::UserId;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::users::path::user_id;

/// The user in a path under which preferences are managed. As an extractor, rejects callers that may not manage the user's
/// preferences.
#[derive(Clone, Copy, Debug)]
pub struct Owner(pub UserId);

impl Owner {
    fn of(request: &HttpRequest, payload: &mut Payload) -> Result<Self, ApiError> {
        let caller = Caller::from_request(request, payload).into_inner()?;
        caller.check_preferences()?;
        let user = user_id(request)?;
        caller.check_preferences_of(user)?;
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
