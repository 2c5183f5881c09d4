//! `POST /api/schedules/{id}/resume`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use tidings_db::TransactionOptions;
use tidings_db::schedules::{self, ResumeResult};

use super::ScheduleView;
use super::access::ScheduleAccess;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// Resumes a paused schedule at its first occurrence after now. Occurrences during the pause are not made up for.
#[utoipa::path(post, path = "/api/schedules/{id}/resume", operation_id = "resumeSchedule", tag = "schedules",
    params(("id" = uuid::Uuid, Path, description = "The schedule")),
    responses(
        (status = 200, description = "The schedule runs, now or before", body = ScheduleView),
        (status = 400, description = "The id is not a UUID", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow schedules", body = crate::error::ErrorBody),
        (status = 404, description = "The schedule does not exist or belongs to another caller", body = crate::error::ErrorBody),
        (status = 409, description = "`schedule_ended`: it has no further occurrence; `invalid_schedule`: it cannot run", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    state: Data<AppState>,
    caller: Caller,
    access: ScheduleAccess,
    origin: Origin,
) -> Result<HttpResponse, ApiError> {
    let ScheduleAccess { id, scope } = access;
    let resumed = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            schedules::resume(transaction, id, &scope, &origin.0).await
        })
        .await?;
    let row = match resumed {
        ResumeResult::Running(row) => row,
        ResumeResult::NotFound => return Err(ScheduleAccess::not_found()),
        ResumeResult::Never => {
            let message = "The schedule has no occurrence from now until it ends";
            return Err(ApiError::conflict("schedule_ended", message));
        }
        ResumeResult::Invalid(error) => {
            let message = format!("The schedule cannot run: {error}");
            return Err(ApiError::conflict("invalid_schedule", message));
        }
    };
    tracing::info!(schedule_id = %id, subject = caller.subject(), "schedule resumed");
    Ok(HttpResponse::Ok().json(ScheduleView::new(*row)?))
}
