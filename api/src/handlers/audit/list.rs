//! `GET /api/audit`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::audit;
use tidings_domain::access::Scope;

use super::query::AuditQuery;
use super::view::{AuditEntryView, AuditPage};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::page_turn::PageTurn;
use crate::state::AppState;

/// Returns the audit log, newest entries first: who changed what.
#[utoipa::path(get, path = "/api/audit", operation_id = "listAuditLog", tag = "audit",
    params(
        ("action" = Option<String>, Query, description = "Return only entries about this action"),
        ("actor" = Option<String>, Query, description = "Return only entries about actions of this subject of a token, or this user of the operating system"),
        ("target" = Option<String>, Query, description = "Return only entries about changes of this, by its id"),
        ("from" = Option<String>, Query, description = "Return only entries at this time or later"),
        ("to" = Option<String>, Query, description = "Return only entries before this time"),
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the previous page"),
    ),
    responses(
        (status = 200, description = "A page", body = AuditPage),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not have the scope `audit:read`", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    caller.check(Scope::AuditRead)?;
    let AuditQuery { filter, page } = AuditQuery::parse(request.query_string())?;
    let _turn = PageTurn::wait(&request, &state).await?;
    let (rows, next) = state
        .database
        .run(async |client| audit::list(client, &filter, page.after, page.limit).await)
        .await?;
    Ok(HttpResponse::Ok().json(AuditPage {
        entries: rows.into_iter().map(AuditEntryView::from).collect(),
        next_cursor: next.map(|cursor| cursor.to_string()),
    }))
}
