//! `GET /api/users/{userId}/preferences`.

use actix_web::HttpResponse;
use actix_web::web::Data;

use super::grid;
use super::owner::Owner;
use super::view::PreferencesView;
use crate::error::ApiError;
use crate::handlers::users::path::not_found;
use crate::state::AppState;

/// Returns what a user wants to receive. Needs the scope `preferences:write` and the user's own id, or `admin`.
#[utoipa::path(get, path = "/api/users/{userId}/preferences", operation_id = "getPreferences", tag = "preferences",
    params(("userId" = uuid::Uuid, Path, description = "The user")),
    responses(
        (status = 200, description = "The preferences", body = PreferencesView),
        (status = 400, description = "The id is not a UUID", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow managing this user's preferences", body = crate::error::ErrorBody),
        (status = 404, description = "The user does not exist", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(state: Data<AppState>, owner: Owner) -> Result<HttpResponse, ApiError> {
    let Owner(user) = owner;
    let view = state
        .database
        .run(async |client| grid::read(client, user).await)
        .await?;
    Ok(HttpResponse::Ok().json(view.ok_or_else(not_found)?))
}
