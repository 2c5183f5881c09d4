//! `GET /api/users/{userId}/deletion`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Serialize;
use tidings_db::{user_deletions, users};
use utoipa::ToSchema;

use super::delete::DeletionView;
use super::path::{ReadableUser, not_found};
use crate::error::ApiError;
use crate::state::AppState;

/// Whether a user is to be deleted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UserDeletion)]
pub struct UserDeletionView {
    /// The deletion that waits, runs or is done; null if there is none, or if it is cancelled.
    deletion: Option<DeletionView>,
}

/// Returns whether a user is to be deleted, and when. Needs the scope `users:read`.
#[utoipa::path(get, path = "/api/users/{userId}/deletion", operation_id = "getUserDeletion", tag = "users",
    params(("userId" = uuid::Uuid, Path, description = "The user")),
    responses(
        (status = 200, description = "The deletion, or none", body = UserDeletionView),
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
    let reading = state.database.run(async |client| {
        let user = users::find(client, id).await?;
        Ok((user, user_deletions::of_user(client, id).await?))
    });
    let (user, deletion) = reading.await?;
    user.ok_or_else(not_found)?;
    Ok(HttpResponse::Ok().json(UserDeletionView {
        deletion: deletion.map(DeletionView::from),
    }))
}
