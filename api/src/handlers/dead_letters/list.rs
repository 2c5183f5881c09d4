//! `GET /api/dead-letters`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::dead_letters;

use super::check_read;
use super::query::ListQuery;
use super::view::{DeadLetterPage, DeadLetterView};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::page_turn::PageTurn;
use crate::state::AppState;

/// Returns failed notifications, and messages that could not be recorded, those that failed last first. Payloads are not shown.
/// Needs the scope `dashboard` or `dead-letters:write`.
#[utoipa::path(get, path = "/api/dead-letters", operation_id = "listDeadLetters", tag = "dead letters",
    params(
        ("reason" = Option<String>, Query, description = "Return only those with this code of the failure"),
        ("channel" = Option<String>, Query, description = "Return only those of this channel, or of this stage; `none` for those that name none"),
        ("provider" = Option<String>, Query, description = "Return only those that this provider, or this host of webhooks, was asked to deliver last; `none` for those that nobody was asked to"),
        ("endpointId" = Option<uuid::Uuid>, Query, description = "Return only notifications that have not reached this webhook endpoint"),
        ("from" = Option<String>, Query, description = "Return only those that failed at this time or later"),
        ("to" = Option<String>, Query, description = "Return only those that failed before this time"),
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the previous page"),
    ),
    responses(
        (status = 200, description = "A page", body = DeadLetterPage),
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
    let ListQuery { filter, page } = ListQuery::parse(request.query_string())?;
    let _turn = PageTurn::wait(&request, &state).await?;
    let (rows, next) = state
        .database
        .run(async |client| dead_letters::list(client, &filter, page.after, page.limit).await)
        .await?;
    Ok(HttpResponse::Ok().json(DeadLetterPage {
        dead_letters: rows.into_iter().map(DeadLetterView::from).collect(),
        next_cursor: next.map(|cursor| cursor.to_string()),
    }))
}
