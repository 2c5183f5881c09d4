//! `POST /api/schedules/{id}/pause`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use tidings_db::{TransactionOptions, schedules};

use super::ScheduleView;
use super::access::ScheduleAccess;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// Pauses a recurring schedule. After the response it creates no notification until it is resumed.
#[utoipa::path(post, path = "/api/schedules/{id}/pause", operation_id = "pauseSchedule", tag = "schedules",
    params(("id" = uuid::Uuid, Path, description = "The schedule")),
    responses(
        (status = 200, description = "The schedule is paused, now or before", body = ScheduleView),
        (status = 400, description = "The id is not a UUID", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow schedules", body = crate::error::ErrorBody),
        (status = 404, description = "The schedule does not exist or belongs to another caller", body = crate::error::ErrorBody),
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
    let row = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            schedules::pause(transaction, id, &scope, &origin.0).await
        })
        .await?;
    let row = row.ok_or_else(ScheduleAccess::not_found)?;
    tracing::info!(schedule_id = %id, subject = caller.subject(), "schedule paused");
    Ok(HttpResponse::Ok().json(ScheduleView::new(row)?))
}
