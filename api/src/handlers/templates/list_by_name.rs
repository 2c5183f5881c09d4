//! `GET /api/templates/{name}`.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::templates;
use tidings_domain::access::Scope;

use super::TemplatePage;
use super::path::{not_found, read_name};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::page_turn::PageTurn;
use crate::query::PageRequest;
use crate::state::AppState;

/// Returns the current versions of the templates with a name, for all channels and languages.
#[utoipa::path(get, path = "/api/templates/{name}", operation_id = "getTemplatesOfName", tag = "templates",
    params(
        ("name" = String, Path, description = "The name by which notifications refer to the template"),
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the previous page"),
    ),
    responses(
        (status = 200, description = "A page", body = TemplatePage),
        (status = 400, description = "The path is invalid, or `details` lists everything that is wrong with the query", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token has neither the scope `templates:write` nor `dashboard`", body = crate::error::ErrorBody),
        (status = 404, description = "No template has this name", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
    name: Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller.check_any([Scope::TemplatesWrite, Scope::Dashboard])?;
    let name = read_name(&name)?;
    let PageRequest { after, limit } = PageRequest::parse(request.query_string())?;
    let is_first = after.is_none();
    let _turn = PageTurn::wait(&request, &state).await?;
    let (versions, next) = state
        .database
        .run(async |client| templates::list(client, Some(&name), after, limit).await)
        .await?;
    if versions.is_empty() && is_first {
        return Err(not_found());
    }
    Ok(HttpResponse::Ok().json(TemplatePage {
        templates: versions.into_iter().map(Into::into).collect(),
        next_cursor: next.map(|cursor| cursor.to_string()),
    }))
}
