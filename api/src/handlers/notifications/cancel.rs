//! `DELETE /api/notifications/{messageId}`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use serde::Serialize;
use tidings_db::notifications::{self, CancelResult};
use tidings_domain::notification::{MessageId, Status};
use utoipa::ToSchema;

use super::lookup::parse_message_id;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

const CANCELLED: &str = "cancelled";

/// The response to a cancellation.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CancelResponse {
    /// The notification's id.
    #[schema(value_type = uuid::Uuid)]
    pub message_id: MessageId,
    /// `cancelled`: it is never sent. `cancelling`: it is not recorded yet, and nothing will be sent outside; an in-app
    /// notification may still appear.
    #[schema(example = "cancelled")]
    pub status: &'static str,
    /// Whether it was sent to one of its addresses, or may have been: an attempt has an unknown outcome.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    maybe_sent: bool,
}

/// Cancels a notification that is not sent yet. After 200 no send begins.
#[utoipa::path(delete, path = "/api/notifications/{messageId}", operation_id = "cancelNotification", tag = "notifications",
    params(("messageId" = uuid::Uuid, Path, description = "The `messageId` that the POST returned")),
    responses(
        (status = 200, description = "It is cancelled, now or before", body = CancelResponse),
        (status = 202, description = "It is not recorded yet, and will be cancelled if it is the caller's", body = CancelResponse),
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
    Ok(HttpResponse::build(cancelled.http_status()).json(cancelled))
}

impl CancelResponse {
    /// The status of the response.
    pub fn http_status(&self) -> StatusCode {
        if self.status == CANCELLED {
            StatusCode::OK
        } else {
            StatusCode::ACCEPTED
        }
    }
}

/// Cancels a notification for a caller.
///
/// # Errors
///
/// Returns 403 if the caller may cancel none, 400 if the id is not a UUID, and 409 if it is too late.
pub async fn cancel(
    state: &AppState,
    caller: &Caller,
    origin: &Origin,
    id: &str,
) -> Result<CancelResponse, ApiError> {
    let scope = caller.check_cancel()?;
    let id = parse_message_id(id)?;
    let cancelling = notifications::cancel(&state.database, id, &scope, &origin.0);
    let (status, maybe_sent) = match cancelling.await? {
        CancelResult::Cancelled { maybe_sent } => (CANCELLED, maybe_sent),
        CancelResult::Cancelling => ("cancelling", false),
        CancelResult::BeingSent { lease_until } => return Err(ApiError::being_sent(lease_until)),
        CancelResult::Ended(Some(Status::Processed)) => {
            return Err(ApiError::conflict(
                "already_sent",
                "The notification has been sent",
            ));
        }
        CancelResult::Ended(status) => {
            let status = status.map_or("ended", Status::as_str);
            let message = format!("The notification is {status} already");
            return Err(ApiError::conflict("already_ended", message));
        }
    };
    tracing::info!(message_id = %id, subject = caller.subject(), status, "notification cancelled");
    Ok(CancelResponse {
        message_id: id,
        status,
        maybe_sent,
    })
}
