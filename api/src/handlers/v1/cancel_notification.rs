//! `DELETE /api/v1/notifications/{id}`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use serde::Serialize;
use tidings_domain::notification::MessageId;
use utoipa::ToSchema;

use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::notifications::cancel::cancel;
use crate::state::AppState;

/// The response to a cancellation.
#[derive(Serialize, ToSchema)]
#[schema(as = V1CancelledNotification)]
pub struct CancelledNotification {
    /// The notification's id.
    #[schema(value_type = uuid::Uuid)]
    id: MessageId,
    /// `cancelled`, or `cancelling` if it is not recorded yet.
    #[schema(example = "cancelled")]
    status: &'static str,
}

/// Cancels a notification that is not sent yet, like `DELETE /api/notifications/{messageId}`.
#[utoipa::path(delete, path = "/api/v1/notifications/{id}", operation_id = "v1CancelNotification", tag = "v1",
    params(("id" = uuid::Uuid, Path, description = "The `id` that the POST returned")),
    responses(
        (status = 200, description = "It is cancelled, now or before", body = CancelledNotification),
        (status = 202, description = "It is not recorded yet, and will be cancelled if it is the caller's", body = CancelledNotification),
        (status = 400, description = "The id is not a UUID", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow sending notifications", body = crate::error::ErrorBody),
        (status = 409, description = "`being_sent`, `already_sent` or `already_ended`", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    state: Data<AppState>,
    caller: Caller,
    origin: Origin,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let cancelled = cancel(&state, &caller, &origin, &id).await?;
    let mut response = HttpResponse::build(cancelled.http_status());
    Ok(response.json(CancelledNotification {
        id: cancelled.message_id,
        status: cancelled.status,
    }))
}
