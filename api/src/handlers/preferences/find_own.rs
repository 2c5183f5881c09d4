//! `GET /api/me/preferences`.

use actix_web::HttpResponse;
use actix_web::web::Data;

use super::grid;
use super::view::PreferencesView;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::users::path::not_found;
use crate::state::AppState;

/// Returns what the user of the token wants to receive. Needs the scope `preferences:write`.
#[utoipa::path(get, path = "/api/me/preferences", operation_id = "getMyPreferences", tag = "preferences",
    responses(
        (status = 200, description = "The preferences", body = PreferencesView),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token has no user, or does not allow managing preferences", body = crate::error::ErrorBody),
        (status = 404, description = "The user does not exist any more", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(state: Data<AppState>, caller: Caller) -> Result<HttpResponse, ApiError> {
    let user = caller.check_own_preferences()?;
    let view = state
        .database
        .run(async |client| grid::read(client, user).await)
        .await?;
    Ok(HttpResponse::Ok().json(view.ok_or_else(not_found)?))
}
