//! `DELETE /api/schedules/{id}`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::{TransactionOptions, schedules};

use super::access::ScheduleAccess;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// Deletes a recurring schedule. The notifications that it has created stay as they are.
#[utoipa::path(delete, path = "/api/schedules/{id}", operation_id = "deleteSchedule", tag = "schedules",
    params(("id" = uuid::Uuid, Path, description = "The schedule")),
    responses(
        (status = 204, description = "Deleted"),
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
    let deleted = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let deleted = schedules::delete(transaction, id, &scope).await?;
            if deleted {
                let entry = origin.0.entry(Action::ScheduleDelete);
                audit::record(transaction, &entry.on(TargetKind::Schedule, id)).await?;
            }
            Ok(deleted)
        })
        .await?;
    if !deleted {
        return Err(ScheduleAccess::not_found());
    }
    tracing::info!(schedule_id = %id, subject = caller.subject(), "schedule deleted");
    Ok(HttpResponse::NoContent().finish())
}
