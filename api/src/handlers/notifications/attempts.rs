//! `GET /api/notifications/{messageId}/attempts`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use jiff::Timestamp;
use serde::Serialize;
use tidings_db::delivery_attempts::{self, AttemptRow, UsedTemplate};
use utoipa::ToSchema;
use uuid::Uuid;

use super::readable::Wanted;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// What was tried to deliver a notification.
#[derive(Debug, Serialize, ToSchema)]
pub struct Timeline {
    /// In their order; none of an in-app notification, nor before the first.
    attempts: Vec<AttemptView>,
}

/// One try at sending a notification to one address.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Attempt)]
pub struct AttemptView {
    /// Counted from 0. Those that share a number went to several contacts, or did not count.
    attempt: i32,
    /// Who was asked to deliver.
    #[schema(example = "smtp")]
    provider: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// How long it took; null while it is under way, or where nobody recorded its end.
    duration_ms: Option<i32>,
    /// `sending`, `delivered`, `failed`, `unknown`, `rejected`, `gone`, `throttled`,
    /// `credentials_refused` or `deferred`.
    #[schema(example = "delivered")]
    outcome: String,
    /// What the provider calls the message.
    provider_reference: Option<String>,
    /// Why it was not delivered.
    error: Option<String>,
    /// What it was rendered from, where a template says what it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<AttemptTemplate>,
    /// Which of the user's contacts, where it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    contact_id: Option<Uuid>,
}

/// The template that an attempt was rendered from.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttemptTemplate {
    /// Its name.
    name: String,
    /// The language that was found.
    locale: String,
    /// Its version.
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

/// Every attempt to deliver a notification.
#[utoipa::path(get, path = "/api/notifications/{messageId}/attempts", operation_id = "listAttempts", tag = "notifications",
    params(("messageId" = uuid::Uuid, Path, description = "What the POST answered")),
    responses(
        (status = 200, description = "The attempts in their order", body = Timeline),
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
    let rows = state
        .database
        .run(async |client| match wanted.find(client).await? {
            Some(row) => delivery_attempts::list(client, row.message_id)
                .await
                .map(Some),
            None => Ok(None),
        })
        .await?;
    let rows = rows.ok_or_else(Wanted::not_found)?;
    Ok(HttpResponse::Ok().json(Timeline {
        attempts: rows.into_iter().map(AttemptView::from).collect(),
    }))
}
