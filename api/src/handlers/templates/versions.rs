//! `GET /api/templates/{name}/{channel}/{locale}/versions`.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::templates;
use tidings_domain::access::Scope;

use super::path::not_found;
use super::{TemplatePath, TemplateVersionPage};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::page_turn::PageTurn;
use crate::query::PageRequest;
use crate::state::AppState;

/// Returns all versions of a template, newest first, including those of deleted templates.
#[utoipa::path(get, path = "/api/templates/{name}/{channel}/{locale}/versions", operation_id = "listTemplateVersions", tag = "templates",
    params(
        ("name" = String, Path, description = "The name by which notifications refer to the template"),
        ("channel" = String, Path, description = "email, sms or push"),
        ("locale" = String, Path, description = "A language such as de, de-AT or zh-Hant, or default"),
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the previous page"),
    ),
    responses(
        (status = 200, description = "A page", body = TemplateVersionPage),
        (status = 400, description = "The path is invalid, or `details` lists everything that is wrong with the query", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token has neither the scope `templates:write` nor `dashboard`", body = crate::error::ErrorBody),
        (status = 404, description = "No such template has ever existed", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, ApiError> {
    caller.check_any([Scope::TemplatesWrite, Scope::Dashboard])?;
    let template_path = TemplatePath::parse(&path)?;
    let PageRequest { after, limit } = PageRequest::parse(request.query_string())?;
    let _turn = PageTurn::wait(&request, &state).await?;
    let (versions, next) = state
        .database
        .run(async |client| {
            templates::list_versions(client, template_path.key(), after, limit).await
        })
        .await?;
    if versions.is_empty() && after.is_none() {
        return Err(not_found());
    }
    Ok(HttpResponse::Ok().json(TemplateVersionPage {
        templates: versions.into_iter().map(Into::into).collect(),
        next_cursor: next.map(|cursor| cursor.to_string()),
    }))
}
