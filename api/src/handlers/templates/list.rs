//! `GET /api/templates`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::templates;
use tidings_domain::access::Scope;

use super::TemplatePage;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::page_turn::PageTurn;
use crate::query::PageRequest;
use crate::state::AppState;

/// Returns templates, ordered by name, channel and locale.
#[utoipa::path(get, path = "/api/templates", operation_id = "listTemplates", tag = "templates",
    params(
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the previous page"),
    ),
    responses(
        (status = 200, description = "A page", body = TemplatePage),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token has neither the scope `templates:write` nor `dashboard`", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    caller.check_any([Scope::TemplatesWrite, Scope::Dashboard])?;
    let PageRequest { after, limit } = PageRequest::parse(request.query_string())?;
    let _turn = PageTurn::wait(&request, &state).await?;
    let (versions, next) = state
        .database
        .run(async |client| templates::list(client, None, after, limit).await)
        .await?;
    Ok(HttpResponse::Ok().json(TemplatePage {
        templates: versions.into_iter().map(Into::into).collect(),
        next_cursor: next.map(|cursor| cursor.to_string()),
    }))
}
