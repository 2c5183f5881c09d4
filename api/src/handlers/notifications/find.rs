//! `GET /api/notifications/{messageId}`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use tidings_common::notification::MessageId;
use tidings_db::notifications;

use super::NotificationView;
use crate::auth::Caller;
use crate::error::{ApiError, Detail};
use crate::state::AppState;

/// A notification, once it is recorded.
#[utoipa::path(get, path = "/api/notifications/{messageId}", operation_id = "getNotification", tag = "notifications",
    params(("messageId" = uuid::Uuid, Path, description = "What the POST answered")),
    responses(
        (status = 200, description = "The notification", body = NotificationView),
        (status = 400, description = "The id is no UUID", body = crate::error::ErrorBody),
        (status = 401, description = "No valid token", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow reading", body = crate::error::ErrorBody),
        (status = 404, description = "Not recorded, not yet, or not for this caller", body = crate::error::ErrorBody),
        (status = 503, description = "The database is away", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let readable = caller.check_read()?;
    let id: MessageId = id.parse().map_err(|_| {
        let details = vec![Detail::new("messageId", "must be a UUID")];
        ApiError::bad_request(
            "invalid_message_id",
            "The message id in the path must be a UUID",
            details,
        )
    })?;
    let finding = async {
        let client = state.database.client().await?;
        let found = notifications::find(&*client, id).await?;
        client.keep();
        Ok(found)
    };
    let found = state.database.patiently(finding).await?;
    // Somebody else's looks like none, so that ids cannot be tried out.
    let row = found
        .filter(|row| readable.includes(row.user_id))
        .ok_or_else(|| {
            ApiError::not_found(
                "There is no notification with this message id, or it is not recorded yet",
            )
        })?;
    Ok(HttpResponse::Ok().json(NotificationView::try_from(row)?))
}
