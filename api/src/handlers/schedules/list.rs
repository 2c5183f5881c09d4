//! `GET /api/schedules`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::schedules::{self, ScheduleFilter};

use super::{SchedulePage, ScheduleView};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::page_turn::PageTurn;
use crate::query::{self, PageRequest};
use crate::state::AppState;

/// Returns the caller's recurring schedules, newest first; those of all callers with the scope `admin`.
#[utoipa::path(get, path = "/api/schedules", operation_id = "listSchedules", tag = "schedules",
    params(
        ("state" = Option<String>, Query, description = "Return only those that are `active`, `paused` by their owner, or `failed`: paused by a failure"),
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the previous page"),
    ),
    responses(
        (status = 200, description = "A page", body = SchedulePage),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow schedules", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let mut filter = ScheduleFilter {
        scope: caller.check_schedules()?,
        state: None,
    };
    let mut page = PageRequest::first();
    query::read(request.query_string(), |name, value, problems| {
        if name == "state" {
            filter.state = query::value(problems, name, value, None);
            return true;
        }
        page.read_parameter(name, value, problems)
    })?;
    let _turn = PageTurn::wait(&request, &state).await?;
    let (rows, next) = state
        .database
        .run(async |client| schedules::list(client, &filter, page.after, page.limit).await)
        .await?;
    let schedules = rows
        .into_iter()
        .map(ScheduleView::new)
        .collect::<Result<_, _>>()?;
    Ok(HttpResponse::Ok().json(SchedulePage {
        schedules,
        next_cursor: next.map(|cursor| cursor.to_string()),
    }))
}
