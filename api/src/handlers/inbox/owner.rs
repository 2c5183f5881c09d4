use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use tidings_domain::notification::UserId;

use crate::auth::Caller;
use crate::error::{ApiError, ErrorDetail};
use crate::query;

/// The owner of the inbox that a request without other parameters is about. As an extractor, checks the caller's rights.
#[derive(Clone, Copy, Debug)]
pub struct InboxOwner(pub UserId);

impl InboxOwner {
    fn of(request: &HttpRequest, payload: &mut Payload) -> Result<Self, ApiError> {
        let caller = Caller::from_request(request, payload).into_inner()?;
        let mut named = None;
        query::read(request.query_string(), |name, value, problems| {
            read_user(&mut named, name, value, problems)
        })?;
        caller.check_inbox(named).map(Self)
    }
}

impl FromRequest for InboxOwner {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Self::of(request, payload))
    }
}

/// Reads the parameter if it is `userId`, and returns whether it is.
pub(super) fn read_user(
    user: &mut Option<UserId>,
    name: &str,
    value: &str,
    problems: &mut Vec<ErrorDetail>,
) -> bool {
    let is_user = name == "userId";
    if is_user {
        *user = query::value(problems, name, value, Some("must be a UUID"));
    }
    is_user
}
