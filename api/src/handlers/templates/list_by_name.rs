//! `GET /api/templates/{name}`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use tidings_db::templates;

use super::TemplateVersions;
use super::path::{not_found, read_name};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// Returns the current versions of the templates with a name, for all channels and languages.
#[utoipa::path(get, path = "/api/templates/{name}", operation_id = "getTemplatesOfName", tag = "templates",
    params(("name" = String, Path, description = "The name by which notifications refer to the template")),
    responses(
        (status = 200, description = "The templates", body = TemplateVersions),
        (status = 400, description = "The path is invalid", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow this", body = crate::error::ErrorBody),
        (status = 404, description = "No template has this name", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    state: Data<AppState>,
    caller: Caller,
    name: Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller.check_templates()?;
    let name = read_name(&name)?;
    let versions = state
        .database
        .run(async |client| templates::list_by_name(client, &name).await)
        .await?;
    if versions.is_empty() {
        return Err(not_found());
    }
    let templates = versions.into_iter().map(Into::into).collect();
    Ok(HttpResponse::Ok().json(TemplateVersions { templates }))
}
