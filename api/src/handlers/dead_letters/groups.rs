//! `GET /api/dead-letters/groups`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::dead_letters;

use super::check_read;
use super::query::parse_filter;
use super::view::{DeadLetterGroups, GroupView};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::page_turn::PageTurn;
use crate::state::AppState;

/// Counts dead letters by reason, channel and provider, with the error of the last one. Needs the scope `dashboard` or
/// `dead-letters:write`.
#[utoipa::path(get, path = "/api/dead-letters/groups", operation_id = "listDeadLetterGroups", tag = "dead letters",
    params(
        ("reason" = Option<String>, Query, description = "Count only those with this code of the failure"),
        ("channel" = Option<String>, Query, description = "Count only those of this channel, or of this stage; `none` for those that name none"),
        ("provider" = Option<String>, Query, description = "Count only those that this provider, or this host of webhooks, was asked to deliver last; `none` for those that nobody was asked to"),
        ("endpointId" = Option<uuid::Uuid>, Query, description = "Count only notifications that have not reached this webhook endpoint"),
        ("from" = Option<String>, Query, description = "Count only those that failed at this time or later"),
        ("to" = Option<String>, Query, description = "Count only those that failed before this time"),
    ),
    responses(
        (status = 200, description = "The groups", body = DeadLetterGroups),
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
    let filter = parse_filter(request.query_string())?;
    let _turn = PageTurn::wait(&request, &state).await?;
    let found = state
        .database
        .run(async |client| dead_letters::groups(client, &filter, dead_letters::MAX_COUNTED).await)
        .await?;
    Ok(HttpResponse::Ok().json(DeadLetterGroups {
        groups: found.groups.into_iter().map(GroupView::from).collect(),
        is_capped: found.is_capped,
    }))
}
