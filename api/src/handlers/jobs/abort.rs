//! `POST /api/jobs/{id}/abort`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use tidings_db::replay_jobs::JobChange;
use tidings_domain::access::Scope;

use super::{JobView, change, path_id};
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// Ends a job before its time. What it has taken already is sent. Needs the scope `dead-letters:write`.
#[utoipa::path(post, path = "/api/jobs/{id}/abort", operation_id = "abortJob", tag = "jobs",
    params(("id" = uuid::Uuid, Path, description = "The job")),
    responses(
        (status = 200, description = "The job is aborted, now or before", body = JobView),
        (status = 400, description = "The id is not a UUID", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not have the scope `dead-letters:write`", body = crate::error::ErrorBody),
        (status = 404, description = "The job does not exist", body = crate::error::ErrorBody),
        (status = 409, description = "`job_has_ended`", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
    origin: Origin,
) -> Result<HttpResponse, ApiError> {
    caller.check(Scope::DeadLettersWrite)?;
    let id = path_id(&id)?;
    change::apply(&state, &caller, &origin, id, JobChange::Abort).await
}
