//! `GET /api/templates/{name}`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use tidings_db::templates;

use super::TemplateVersions;
use super::address::{not_found, read_name};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// The versions in use of a template, in all channels and languages.
#[utoipa::path(get, path = "/api/templates/{name}", operation_id = "getTemplatesOfName", tag = "templates",
    params(("name" = String, Path, description = "What notifications call it by")),
    responses(
        (status = 200, description = "The templates", body = TemplateVersions),
        (status = 400, description = "The path is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "No valid token", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow this", body = crate::error::ErrorBody),
        (status = 404, description = "There is no template of this name", body = crate::error::ErrorBody),
        (status = 503, description = "The database is away", body = crate::error::ErrorBody),
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
