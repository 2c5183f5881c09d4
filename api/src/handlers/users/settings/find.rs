//! `GET /api/users/{userId}/settings`.

use actix_web::HttpResponse;
use actix_web::web::Data;

use super::view::{SettingsView, find_settings};
use crate::error::ApiError;
use crate::handlers::preferences::owner::Owner;
use crate::state::AppState;

/// Returns the settings of a user. Needs the scope `preferences:write` and the user's own id, or `admin`.
#[utoipa::path(get, path = "/api/users/{userId}/settings", operation_id = "getUserSettings", tag = "preferences",
    params(("userId" = uuid::Uuid, Path, description = "The user")),
    responses(
        (status = 200, description = "The settings", body = SettingsView),
        (status = 400, description = "The id is not a UUID", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow this user's settings", body = crate::error::ErrorBody),
        (status = 404, description = "The user does not exist", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(state: Data<AppState>, owner: Owner) -> Result<HttpResponse, ApiError> {
    let view = find_settings(&state, owner.0).await?;
    Ok(HttpResponse::Ok().json(view))
}
