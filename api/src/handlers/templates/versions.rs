//! `GET /api/templates/{name}/{channel}/{locale}/versions`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use tidings_db::templates;

use super::path::not_found;
use super::{TemplatePath, TemplateVersions};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// Returns all versions of a template, newest first, including those of deleted templates.
#[utoipa::path(get, path = "/api/templates/{name}/{channel}/{locale}/versions", operation_id = "listTemplateVersions", tag = "templates",
    params(
        ("name" = String, Path, description = "The name by which notifications refer to the template"),
        ("channel" = String, Path, description = "email, sms or push"),
        ("locale" = String, Path, description = "A language such as de, de-AT or zh-Hant, or default"),
    ),
    responses(
        (status = 200, description = "The versions", body = TemplateVersions),
        (status = 400, description = "The path is invalid", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow this", body = crate::error::ErrorBody),
        (status = 404, description = "No such template has ever existed", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    state: Data<AppState>,
    caller: Caller,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, ApiError> {
    caller.check_templates()?;
    let template_path = TemplatePath::parse(&path)?;
    let versions = state
        .database
        .run(async |client| templates::list_versions(client, template_path.key()).await)
        .await?;
    if versions.is_empty() {
        return Err(not_found());
    }
    let templates = versions.into_iter().map(Into::into).collect();
    Ok(HttpResponse::Ok().json(TemplateVersions { templates }))
}
