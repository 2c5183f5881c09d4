//! `GET /api/notifications/{messageId}/payload`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use tidings_db::TransactionOptions;
use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::notifications::{self, PayloadReader};
use tidings_domain::notification::MessageId;
use utoipa::ToSchema;

use super::lookup::NotificationLookup;
use super::view::NotificationTemplate;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// The payload of a notification.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::struct_field_names,
    reason = "the members have the names that they have in a notification"
)]
pub struct Payload {
    /// The notification.
    #[schema(value_type = uuid::Uuid)]
    message_id: MessageId,
    /// The content, or the variables of the template; null if the notification is sensitive.
    #[schema(value_type = Option<Object>)]
    payload: Option<Box<RawValue>>,
    /// Whether the notification is sensitive, so that nobody sees its payload.
    payload_hidden: bool,
    /// When the payload was erased.
    #[schema(value_type = Option<String>, format = DateTime)]
    payload_removed_at: Option<Timestamp>,
    /// The template that renders the message.
    template: Option<NotificationTemplate>,
}

/// Returns the payload of a notification. Unless a user reads their own, the audit log has an entry for each reading.
#[utoipa::path(get, path = "/api/notifications/{messageId}/payload", operation_id = "getPayload", tag = "notifications",
    params(("messageId" = uuid::Uuid, Path, description = "The `messageId` that the POST returned")),
    responses(
        (status = 200, description = "The payload", body = Payload),
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
    origin: Origin,
) -> Result<HttpResponse, ApiError> {
    let NotificationLookup { id, owner } = NotificationLookup::new(&caller, &id)?;
    let reading = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let Some(row) = notifications::find(transaction, id, owner).await? else {
                return Ok(None);
            };
            let reader = caller.payload_reader(row.user_id);
            if reader != PayloadReader::TargetUser {
                let entry = origin.0.entry(Action::NotificationPayload);
                audit::record(transaction, &entry.on(TargetKind::Notification, id)).await?;
            }
            Ok(Some((row, reader)))
        });
    let (row, reader) = reading.await?.ok_or_else(NotificationLookup::not_found)?;
    let reader = match reader {
        // This is how an operator asks.
        PayloadReader::Operator => PayloadReader::Other,
        other => other,
    };
    let payload = row.payload_for(reader).map(ToOwned::to_owned);
    let payload = payload.map(RawValue::from_string).transpose();
    let payload = payload.map_err(ApiError::internal)?;
    Ok(HttpResponse::Ok().json(Payload {
        message_id: row.message_id,
        payload_hidden: payload.is_none(),
        payload,
        payload_removed_at: row.payload_removed_at,
        template: row.template.map(NotificationTemplate::from),
    }))
}
