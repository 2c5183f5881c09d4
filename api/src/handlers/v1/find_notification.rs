//! `GET /api/v1/notifications/{id}`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use tidings_db::notifications;

use super::view::V1NotificationView;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::notifications::NotificationLookup;
use crate::state::AppState;

/// Returns a notification, once it is recorded, like `GET /api/notifications/{messageId}`.
#[utoipa::path(get, path = "/api/v1/notifications/{id}", operation_id = "v1GetNotification", tag = "v1",
    params(("id" = uuid::Uuid, Path, description = "The `id` that the POST returned")),
    responses(
        (status = 200, description = "The notification", body = V1NotificationView),
        (status = 400, description = "The id is not a UUID", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow reading notifications", body = crate::error::ErrorBody),
        (status = 404, description = "The notification does not exist, is not recorded yet, or belongs to another user", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let NotificationLookup { id, owner } = NotificationLookup::new(&caller, &id)?;
    let found = state
        .database
        .run(async |client| notifications::find(client, id, owner).await)
        .await?;
    let row = found.ok_or_else(NotificationLookup::not_found)?;
    let view = V1NotificationView::new(row, &caller, state.providers)?;
    Ok(HttpResponse::Ok().json(view))
}
