//! `GET /api/notifications/{messageId}/attempts`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use jiff::Timestamp;
use serde::Serialize;
use tidings_db::delivery_attempts::{self, AttemptRow, UsedTemplate};
use utoipa::ToSchema;
use uuid::Uuid;

use super::lookup::NotificationLookup;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// The delivery attempts of a notification.
#[derive(Debug, Serialize, ToSchema)]
pub struct Timeline {
    /// Oldest first. Always empty for an in-app notification.
    attempts: Vec<AttemptView>,
}

/// One attempt to send a notification to one address.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Attempt)]
pub struct AttemptView {
    /// Counted from 0. Several attempts have the same number if they went to several contacts, or if an
    /// attempt did not count as a retry.
    attempt: i32,
    /// The provider that was asked to deliver the message.
    #[schema(example = "smtp")]
    provider: String,
    /// When the attempt began.
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// The duration; null while the attempt is in progress, or if its end was not recorded.
    duration_ms: Option<i32>,
    /// `sending`, `delivered`, `failed`, `unknown`, `rejected`, `gone`, `throttled`,
    /// `credentials_refused`, `deferred` or `not_sent`.
    #[schema(example = "delivered")]
    outcome: String,
    /// The provider's id of the message.
    provider_reference: Option<String>,
    /// Why the message was not delivered.
    error: Option<String>,
    /// The template that the message was rendered from, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<AttemptTemplate>,
    /// The user's contact that the message was sent to, if it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    contact_id: Option<Uuid>,
}

/// The template that an attempt was rendered from.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttemptTemplate {
    /// The name.
    name: String,
    /// The locale that was used.
    locale: String,
    /// The version.
    version: i32,
}

impl From<AttemptRow> for AttemptView {
    fn from(row: AttemptRow) -> Self {
        let template = row.template.map(
            |UsedTemplate {
                 name,
                 locale,
                 version,
             }| AttemptTemplate {
                name,
                locale,
                version,
            },
        );
        Self {
            attempt: row.attempt,
            provider: row.provider,
            started_at: row.started_at,
            duration_ms: row.duration_ms,
            outcome: row.outcome,
            provider_reference: row.provider_reference,
            error: row.error,
            template,
            contact_id: row.contact_id,
        }
    }
}

/// Returns every delivery attempt of a notification.
#[utoipa::path(get, path = "/api/notifications/{messageId}/attempts", operation_id = "listAttempts", tag = "notifications",
    params(("messageId" = uuid::Uuid, Path, description = "The `messageId` that the POST returned")),
    responses(
        (status = 200, description = "The attempts, oldest first", body = Timeline),
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
    let lookup = NotificationLookup::new(&caller, &id)?;
    let rows = state
        .database
        .run(async |client| match lookup.find(client).await? {
            Some(row) => delivery_attempts::list(client, row.message_id)
                .await
                .map(Some),
            None => Ok(None),
        })
        .await?;
    let rows = rows.ok_or_else(NotificationLookup::not_found)?;
    Ok(HttpResponse::Ok().json(Timeline {
        attempts: rows.into_iter().map(AttemptView::from).collect(),
    }))
}
