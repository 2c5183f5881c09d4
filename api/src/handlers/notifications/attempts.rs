//! `GET /api/notifications/{messageId}/attempts`.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use serde::Serialize;
use tidings_db::delivery_attempts::{self, AttemptOutcome, AttemptRow, UsedTemplate};
use tidings_db::notifications;
use utoipa::ToSchema;
use uuid::Uuid;

use super::lookup::NotificationLookup;
use super::view::TEMPLATE_ERROR;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::page_turn::PageTurn;
use crate::query::PageRequest;
use crate::state::AppState;

/// A page of the delivery attempts of a notification.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Timeline {
    /// Oldest first. Always empty for an in-app notification.
    attempts: Vec<AttemptView>,
    /// The `cursor` of the next page; null on the last page.
    next_cursor: Option<String>,
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
    /// How many times the attempt was repeated with the same outcome, if it was. Consecutive attempts that were
    /// `throttled` or `deferred` are one entry, with the duration and the error of the last one.
    #[serde(skip_serializing_if = "is_zero")]
    #[schema(required = false)]
    repetitions: i32,
    /// When the last repetition began.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    last_repeated_at: Option<Timestamp>,
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

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde calls"
)]
const fn is_zero(number: &i32) -> bool {
    *number == 0
}

impl AttemptView {
    /// Converts a row. An attempt that was not sent although there is a template has an error that quotes the template,
    /// which is only for callers that may read it.
    pub(super) fn new(row: AttemptRow, caller: &Caller) -> Self {
        let quotes_template =
            row.outcome == AttemptOutcome::NotSent.as_str() && row.template.is_some();
        let error = if quotes_template && !caller.may_see_template_errors() {
            row.error.map(|_| TEMPLATE_ERROR.to_owned())
        } else {
            row.error
        };
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
            error,
            repetitions: row.repetitions,
            last_repeated_at: row.last_repeated_at,
            template,
            contact_id: row.contact_id,
        }
    }
}

/// Returns the delivery attempts of a notification, oldest first.
#[utoipa::path(get, path = "/api/notifications/{messageId}/attempts", operation_id = "listAttempts", tag = "notifications",
    params(
        ("messageId" = uuid::Uuid, Path, description = "The `messageId` that the POST returned"),
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the previous page"),
    ),
    responses(
        (status = 200, description = "A page", body = Timeline),
        (status = 400, description = "The id is not a UUID, or `details` lists everything that is wrong with the query", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow reading notifications", body = crate::error::ErrorBody),
        (status = 404, description = "The notification does not exist, is not recorded yet, or belongs to another user", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let NotificationLookup { id, owner } = NotificationLookup::new(&caller, &id)?;
    let PageRequest { after, limit } = PageRequest::parse(request.query_string())?;
    let _turn = PageTurn::wait(&request, &state).await?;
    let page = state
        .database
        .run(async |client| {
            if notifications::exists(client, id, owner).await? {
                let page = delivery_attempts::list(client, id, after, limit).await;
                page.map(Some)
            } else {
                Ok(None)
            }
        })
        .await?;
    let (rows, next) = page.ok_or_else(NotificationLookup::not_found)?;
    Ok(HttpResponse::Ok().json(Timeline {
        attempts: rows
            .into_iter()
            .map(|row| AttemptView::new(row, &caller))
            .collect(),
        next_cursor: next.map(|cursor| cursor.to_string()),
    }))
}
