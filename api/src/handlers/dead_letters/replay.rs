//! `POST /api/dead-letters/replay`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::replay_jobs::JobKind;
use tidings_domain::access::Scope;

use super::body::{self, BulkBody};
use super::bulk;
use super::view::DryRun;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::jobs::JobView;
use crate::request_body::read_json;
use crate::state::AppState;

/// Replays all dead letters that match, by a job: each is sent again from its first attempt. Those that cannot be sent are
/// skipped, and counted with their reason. A dead letter that fails while the job runs is not taken. Needs the scope
/// `dead-letters:write`.
#[utoipa::path(post, path = "/api/dead-letters/replay", operation_id = "replayDeadLetters", tag = "dead letters",
    request_body = BulkBody,
    responses(
        (status = 200, description = "With `dryRun`: what the job would do", body = DryRun),
        (status = 202, description = "The job", body = JobView, headers(("Location", description = "URL of the job"))),
        (status = 400, description = "`details` lists everything that is wrong; an empty filter is", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not have the scope `dead-letters:write`", body = crate::error::ErrorBody),
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
    origin: Origin,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    caller.check(Scope::DeadLettersWrite)?;
    let bulk = body::parse(&read_json(&request, payload, &state).await?)?;
    bulk::run(&state, &caller, &origin, JobKind::Replay, &bulk).await
}
