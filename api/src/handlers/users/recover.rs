//! `DELETE /api/users/{userId}/deletion`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use tidings_db::{TransactionOptions, user_deletions, users};

use super::delete::DeletionView;
use super::path::WritableUser;
use super::taken::user_has_role;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// Cancels the deletion of a user that waits. Needs the scope `users:write`.
#[utoipa::path(delete, path = "/api/users/{userId}/deletion", operation_id = "recoverUser", tag = "users",
    params(("userId" = uuid::Uuid, Path, description = "The user")),
    responses(
        (status = 200, description = "The deletion is cancelled", body = DeletionView),
        (status = 400, description = "The id is not a UUID", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow writing users; or `user_has_role`: only the scope `admin` may recover an operator or an admin", body = crate::error::ErrorBody),
        (status = 404, description = "`no_deletion`: no deletion of this user waits", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    state: Data<AppState>,
    user: WritableUser,
    caller: Caller,
    origin: Origin,
) -> Result<HttpResponse, ApiError> {
    let WritableUser(id) = user;
    let cancelling =
        state
            .database
            .transaction(TransactionOptions::default(), async |transaction| {
                let Some(waiting) = user_deletions::waiting(transaction, id).await? else {
                    return Ok(Some(None));
                };
                if !users::may_write(transaction, id, caller.contact_rights()).await? {
                    return Ok(None);
                }
                user_deletions::cancel(transaction, &origin.0, waiting.id)
                    .await
                    .map(Some)
            });
    let cancelled = cancelling.await?.ok_or_else(user_has_role)?;
    let no_deletion = || ApiError::absent("no_deletion", "No deletion of this user waits");
    let row = cancelled.ok_or_else(no_deletion)?;
    tracing::info!(user_id = %id, subject = caller.subject(), "deletion of a user cancelled");
    Ok(HttpResponse::Ok().json(DeletionView::from(row)))
}
