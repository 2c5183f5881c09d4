//! `GET /api/users/{userId}`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use tidings_db::users;

use super::path::{ReadableUser, not_found};
use super::view::UserView;
use crate::error::ApiError;
use crate::state::AppState;

/// Returns a user. Needs the scope `users:read`.
#[utoipa::path(get, path = "/api/users/{userId}", operation_id = "getUser", tag = "users",
    params(("userId" = uuid::Uuid, Path, description = "The user")),
    responses(
        (status = 200, description = "The user", body = UserView),
        (status = 400, description = "The id is not a UUID", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow reading users", body = crate::error::ErrorBody),
        (status = 404, description = "The user does not exist", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(state: Data<AppState>, user: ReadableUser) -> Result<HttpResponse, ApiError> {
    let ReadableUser(id) = user;
    let found = state
        .database
        .run(async |client| users::find(client, id).await)
        .await?;
    let row = found.ok_or_else(not_found)?;
    Ok(HttpResponse::Ok().json(UserView::from(row)))
}
