//! `GET /api/me/settings`.

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::users::settings::{SettingsView, find_settings};
use crate::state::AppState;

/// Returns the settings of the user of the token. Needs the scope `preferences:write`.
#[utoipa::path(get, path = "/api/me/settings", operation_id = "getMySettings", tag = "preferences",
    responses(
        (status = 200, description = "The settings", body = SettingsView),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token is not that of a user, or lacks the scope", body = crate::error::ErrorBody),
        (status = 404, description = "The user does not exist any more", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(state: Data<AppState>, caller: Caller) -> Result<HttpResponse, ApiError> {
    let user = caller.check_own_preferences()?;
    let view = find_settings(&state, user).await?;
    Ok(HttpResponse::Ok().json(view))
}
