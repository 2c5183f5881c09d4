//! `PATCH /api/jobs/{id}`.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::replay_jobs::JobChange;
use tidings_domain::access::Scope;
use utoipa::ToSchema;

use super::{JobView, change, path_id};
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::dead_letters::rate;
use crate::json_body::ObjectReader;
use crate::request_body::read_json;
use crate::state::AppState;

/// The request body.
#[derive(ToSchema)]
#[schema(as = JobUpdate)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct UpdateBody {
    /// How many dead letters the job takes in a second.
    #[schema(rename = "ratePerSecond", minimum = 1, maximum = 1000)]
    rate_per_second: u32,
}

/// Gives a job another rate, from its next chunk on. Needs the scope `dead-letters:write`.
#[utoipa::path(patch, path = "/api/jobs/{id}", operation_id = "updateJob", tag = "jobs",
    params(("id" = uuid::Uuid, Path, description = "The job")),
    request_body = UpdateBody,
    responses(
        (status = 200, description = "The job has the rate", body = JobView),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not have the scope `dead-letters:write`", body = crate::error::ErrorBody),
        (status = 404, description = "The job does not exist", body = crate::error::ErrorBody),
        (status = 409, description = "`job_has_ended`", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
    origin: Origin,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    caller.check(Scope::DeadLettersWrite)?;
    let id = path_id(&id)?;
    let body = read_json(&request, payload, &state).await?;
    let mut reader = ObjectReader::parse(&body, &["ratePerSecond"], "job")?;
    let rate = reader.required("ratePerSecond", rate);
    let rate = reader.finish(rate)?;
    change::apply(&state, &caller, &origin, id, JobChange::Rate(rate)).await
}
