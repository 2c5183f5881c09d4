//! `POST /api/inbox/{messageId}/unarchive`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use tidings_db::inbox::InboxChange;

use super::mark::mark;
use super::owner::InboxOwner;
use crate::audit::Origin;
use crate::error::ApiError;
use crate::state::AppState;

/// Takes a notification out of the archive. It stays read.
#[utoipa::path(post, path = "/api/inbox/{messageId}/unarchive", operation_id = "unarchiveNotification", tag = "inbox",
    params(
        ("messageId" = uuid::Uuid, Path, description = "The notification's id"),
        ("userId" = Option<uuid::Uuid>, Query, description = "The owner of the inbox. Required unless the token is that of a user"),
    ),
    responses(
        (status = 204, description = "It is not archived, now or before"),
        (status = 400, description = "The id or the query is invalid", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow this inbox", body = crate::error::ErrorBody),
        (status = 404, description = "The notification is not in this inbox", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    state: Data<AppState>,
    owner: InboxOwner,
    origin: Origin,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let change = InboxChange {
        archived: Some(false),
        ..InboxChange::default()
    };
    mark(&state, owner, &origin, &id, change).await
}
