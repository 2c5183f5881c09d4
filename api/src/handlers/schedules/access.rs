use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use tidings_db::notifications::SenderScope;
use tidings_domain::notification::ScheduleId;

use crate::auth::Caller;
use crate::error::{ApiError, ErrorDetail};

/// The schedule id in a path, with the schedules that the caller may read and change. A schedule of another caller counts
/// as absent, so that callers cannot probe for ids.
#[derive(Clone, Debug)]
pub struct ScheduleAccess {
    /// The id.
    pub id: ScheduleId,
    /// The caller's schedules.
    pub scope: SenderScope,
}

impl ScheduleAccess {
    /// The 404 response.
    pub fn not_found() -> ApiError {
        ApiError::not_found("There is no schedule with this id")
    }

    fn of(request: &HttpRequest, payload: &mut Payload) -> Result<Self, ApiError> {
        let caller = Caller::from_request(request, payload).into_inner()?;
        let scope = caller.check_schedules()?;
        let id = request.match_info().get("id").unwrap_or_default();
        let id = id.parse().map_err(|_| {
            let details = vec![ErrorDetail::new("id", "must be a UUID")];
            ApiError::bad_request(
                "invalid_schedule_id",
                "The schedule's id in the path must be a UUID",
                details,
            )
        })?;
        Ok(Self { id, scope })
    }
}

impl FromRequest for ScheduleAccess {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Self::of(request, payload))
    }
}
