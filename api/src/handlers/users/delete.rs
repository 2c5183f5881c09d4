//! `DELETE /api/users/{userId}`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use jiff::Timestamp;
use serde::Serialize;
use tidings_db::user_deletions::{self, DeletionRow, RequestResult};
use tidings_db::users;
use tidings_db::{IsolationLevel, TransactionOptions};
use tidings_domain::notification::UserId;
use uuid::Uuid;

use super::path::{WritableUser, not_found};
use super::role::last_admin;
use super::taken::user_has_role;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// The deletion of a user.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeletionView {
    id: Uuid,
    #[schema(value_type = Uuid)]
    user_id: UserId,
    /// `waiting`: it can be cancelled. `erasing`: it runs. `done`: the user is gone. `cancelled`: the user stays.
    #[schema(example = "waiting")]
    status: &'static str,
    #[schema(value_type = String, format = DateTime)]
    requested_at: Timestamp,
    /// When the erasure may begin.
    #[schema(value_type = String, format = DateTime)]
    due_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
}

impl From<DeletionRow> for DeletionView {
    fn from(row: DeletionRow) -> Self {
        Self {
            id: row.id,
            user_id: row.user_id,
            status: row.status.as_str(),
            requested_at: row.requested_at,
            due_at: row.due_at,
            finished_at: row.finished_at,
        }
    }
}

/// Requests the deletion of a user, who is sent an e-mail with a link that cancels it. After `DELETION_GRACE_HOURS`, everything
/// that belongs to the user is erased. A repeated request changes nothing. Needs the scope `users:write`.
#[utoipa::path(delete, path = "/api/users/{userId}", operation_id = "deleteUser", tag = "users",
    params(("userId" = uuid::Uuid, Path, description = "The user")),
    responses(
        (status = 202, description = "The deletion waits, runs or is done", body = DeletionView),
        (status = 400, description = "The id is not a UUID", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow writing users; or `user_has_role`: only the scope `admin` may delete an operator or an admin", body = crate::error::ErrorBody),
        (status = 409, description = "`last_admin`: no other user is an admin", body = crate::error::ErrorBody),
        (status = 404, description = "The user does not exist", body = crate::error::ErrorBody),
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
    let options = TransactionOptions {
        isolation: IsolationLevel::Serializable,
        ..TransactionOptions::default()
    };
    let result = state
        .database
        .transaction(options, async |transaction| {
            if !users::may_write(transaction, id, caller.contact_rights()).await? {
                return Ok(None);
            }
            let result =
                user_deletions::request(transaction, &origin.0, id, &state.deletions, None).await?;
            Ok(Some(result))
        })
        .await?;
    let row = match result.ok_or_else(user_has_role)? {
        RequestResult::Requested(row) => {
            tracing::info!(user_id = %id, subject = caller.subject(), "deletion of a user requested");
            row
        }
        RequestResult::Existed(row) => row,
        RequestResult::LastAdmin => return Err(last_admin()),
        RequestResult::UnknownUser => return Err(not_found()),
    };
    Ok(HttpResponse::Accepted().json(DeletionView::from(row)))
}
