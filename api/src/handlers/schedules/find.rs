//! `GET /api/schedules/{id}`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use tidings_db::schedules;

use super::ScheduleView;
use super::access::ScheduleAccess;
use crate::error::ApiError;
use crate::state::AppState;

/// Returns a recurring schedule. Needs the scope `schedules:write`.
#[utoipa::path(get, path = "/api/schedules/{id}", operation_id = "getSchedule", tag = "schedules",
    params(("id" = uuid::Uuid, Path, description = "The schedule")),
    responses(
        (status = 200, description = "The schedule", body = ScheduleView),
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
    access: ScheduleAccess,
) -> Result<HttpResponse, ApiError> {
    let ScheduleAccess { id, scope } = access;
    let row = state
        .database
        .run(async |client| schedules::find(client, id, &scope).await)
        .await?;
    let row = row.ok_or_else(ScheduleAccess::not_found)?;
    Ok(HttpResponse::Ok().json(ScheduleView::new(row)?))
}
