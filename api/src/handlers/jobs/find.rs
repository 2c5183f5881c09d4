//! `GET /api/jobs/{id}`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use tidings_db::replay_jobs;

use super::{JobView, not_found, path_id};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::dead_letters::check_read;
use crate::state::AppState;

/// Returns a job with its progress. Needs the scope `dashboard` or `dead-letters:write`.
#[utoipa::path(get, path = "/api/jobs/{id}", operation_id = "getJob", tag = "jobs",
    params(("id" = uuid::Uuid, Path, description = "The job")),
    responses(
        (status = 200, description = "The job", body = JobView),
        (status = 400, description = "The id is not a UUID", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token has neither the scope `dashboard` nor `dead-letters:write`", body = crate::error::ErrorBody),
        (status = 404, description = "The job does not exist", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    check_read(&caller)?;
    let id = path_id(&id)?;
    let found = state
        .database
        .run(async |client| replay_jobs::find(client, id).await)
        .await?;
    let row = found.ok_or_else(not_found)?;
    Ok(HttpResponse::Ok().json(JobView::from(row)))
}
