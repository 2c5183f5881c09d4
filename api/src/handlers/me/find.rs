//! `GET /api/me`.

use actix_web::HttpResponse;
use actix_web::web::Data;

use super::view::{OwnUser, find};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::users::path::not_found;
use crate::state::AppState;

/// Returns the user of the token, with the ids of the contacts.
#[utoipa::path(get, path = "/api/me", operation_id = "getMe", tag = "accounts",
    responses(
        (status = 200, description = "The user", body = OwnUser),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token is not that of a user who has logged in", body = crate::error::ErrorBody),
        (status = 404, description = "The user does not exist any more", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(state: Data<AppState>, caller: Caller) -> Result<HttpResponse, ApiError> {
    let (user, _) = caller.check_own_session()?;
    let found = state
        .database
        .run(async |client| find(client, user).await)
        .await?;
    Ok(HttpResponse::Ok().json(found.ok_or_else(not_found)?))
}
