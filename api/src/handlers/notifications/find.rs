//! `GET /api/notifications/{messageId}`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};

use super::NotificationView;
use super::readable::Wanted;
use crate::auth::Caller;
use crate::error::ApiError;
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
    let wanted = Wanted::by(&caller, &id)?;
    let found = state
        .database
        .run(async |client| wanted.find(client).await)
        .await?;
    let row = found.ok_or_else(Wanted::not_found)?;
    Ok(HttpResponse::Ok().json(NotificationView::try_from(row)?))
}
