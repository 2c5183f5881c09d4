//! `GET /api/jobs`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::replay_jobs::{self, JobFilter};

use super::view::{JobPage, JobView};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::dead_letters::check_read;
use crate::page_turn::PageTurn;
use crate::query::{self, PageRequest};
use crate::state::AppState;

/// Returns the jobs that replay and purge dead letters, newest first. Needs the scope `dashboard` or `dead-letters:write`.
#[utoipa::path(get, path = "/api/jobs", operation_id = "listJobs", tag = "jobs",
    params(
        ("state" = Option<String>, Query, description = "Return only those that are `pending`, `running`, `paused`, `aborted` or `done`; `without_process`: no process has run them for a minute, although one should; `failing`: they could not go on when they last tried"),
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the previous page"),
    ),
    responses(
        (status = 200, description = "A page", body = JobPage),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token has neither the scope `dashboard` nor `dead-letters:write`", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    check_read(&caller)?;
    let (mut filter, mut page) = (None, PageRequest::first());
    query::read(request.query_string(), |name, value, problems| {
        if name == "state" {
            filter = query::value::<JobFilter>(problems, name, value, None);
            return true;
        }
        page.read_parameter(name, value, problems)
    })?;
    let _turn = PageTurn::wait(&request, &state).await?;
    let (rows, next) = state
        .database
        .run(async |client| replay_jobs::list(client, filter, page.after, page.limit).await)
        .await?;
    Ok(HttpResponse::Ok().json(JobPage {
        jobs: rows.into_iter().map(JobView::from).collect(),
        next_cursor: next.map(|cursor| cursor.to_string()),
    }))
}
