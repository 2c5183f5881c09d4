//! `GET /api/notifications/{messageId}/timeline`.

mod steps;

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tidings_db::{delivery_attempts, notifications};
use tidings_domain::next_step::{StepFacts, next_step};
use tidings_domain::notification::{MessageId, Status, UserId};
use tidings_domain::trace::TraceId;
use utoipa::ToSchema;

use super::attempts::AttemptView;
use super::lookup::NotificationLookup;
use super::view::{NotificationTemplate, trace_url};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::page_turn::PageTurn;
use crate::state::AppState;
use steps::{TimelineStep, end_of, steps};

/// The most attempts of a timeline; `/attempts` lists the others.
const MAX_ATTEMPTS: u32 = 200;

/// The way of a notification.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NotificationTimeline)]
pub struct TimelineView {
    /// The notification.
    #[schema(value_type = uuid::Uuid)]
    message_id: MessageId,
    /// The user that the notification is for; null if only the payload names the recipient.
    #[schema(value_type = Option<uuid::Uuid>)]
    target_user_id: Option<UserId>,
    /// The channel.
    #[schema(example = "email")]
    r#type: String,
    /// The status.
    #[schema(example = "retrying")]
    status: String,
    /// The category.
    category: Option<String>,
    /// Who posted it, if known.
    sender: Option<String>,
    /// The group of the sender.
    group: Option<String>,
    /// The template that renders the message.
    template: Option<NotificationTemplate>,
    /// How many delivery attempts have failed.
    retries_attempted: i32,
    /// The trace that it belongs to (W3C Trace Context), if its request named one, or began one that is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "0af7651916cd43dd8448eb211c80319c")]
    trace_id: Option<TraceId>,
    /// Where the trace can be seen (`TRACE_URL_TEMPLATE`). Only for callers that may read the notifications of every user.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_url: Option<String>,
    /// What happens next.
    next: NextStepView,
    /// What has happened, in its order.
    steps: Vec<TimelineStep>,
    /// The `cursor` for `/api/notifications/{messageId}/attempts`, if there are more attempts than 200.
    attempts_next_cursor: Option<String>,
}

/// What happens next.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NextStep)]
pub struct NextStepView {
    /// `wait`, `queued`, `sending`, `stopped`, `deferred`, `retry`, `dead_letter`, `end` or `unknown`.
    #[schema(example = "retry")]
    code: &'static str,
    /// The step for people.
    text: &'static str,
    /// When, if that is known: for `retry` the earliest time.
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
}

/// Returns what has happened to a notification, its attempts with masked addresses, and what happens next.
#[utoipa::path(get, path = "/api/notifications/{messageId}/timeline", operation_id = "getTimeline", tag = "notifications",
    params(("messageId" = uuid::Uuid, Path, description = "The `messageId` that the POST returned")),
    responses(
        (status = 200, description = "The timeline", body = TimelineView),
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
    let _turn = PageTurn::wait_for_part(&state).await?;
    let reading = state.database.run(async |client| {
        let Some((row, timeline)) = notifications::find_timeline(client, id, owner).await? else {
            return Ok(None);
        };
        let (attempts, next) = delivery_attempts::list(client, id, None, MAX_ATTEMPTS).await?;
        let addresses = notifications::masked_addresses(client, &row, &timeline, &attempts).await?;
        Ok(Some((row, timeline, attempts, next, addresses)))
    });
    let found = reading.await?;
    let (row, timeline, attempts, next, addresses) =
        found.ok_or_else(NotificationLookup::not_found)?;
    let retries = u32::try_from(row.retries_attempted).unwrap_or(0);
    let last_end = attempts.iter().filter_map(end_of).max();
    let delay = SignedDuration::try_from(state.message_factory.ladder().delay(retries));
    let retry_at = last_end.zip(delay.ok());
    let next_step = next_step(StepFacts {
        status: row.status.parse::<Status>().ok(),
        reason: row.reason.as_deref(),
        until: row.window.not_before.or(row.digest_closes_at),
        is_sending: timeline.is_sending,
        is_stopped: timeline.is_stopped,
        is_deferred: timeline.is_deferred,
        retry_at: retry_at.and_then(|(end, delay)| end.checked_add(delay).ok()),
    });
    let with_template_errors = caller.may_see_template_errors();
    let steps = steps(&row, &timeline, attempts, addresses, |row| {
        AttemptView::new(row, &caller)
    });
    Ok(HttpResponse::Ok().json(TimelineView {
        steps: steps
            .into_iter()
            .map(|step| step.without_template_error(with_template_errors))
            .collect(),
        next: NextStepView {
            code: next_step.code,
            text: next_step.text,
            at: next_step.at,
        },
        attempts_next_cursor: next.map(|cursor| cursor.to_string()),
        message_id: row.message_id,
        target_user_id: row.user_id,
        r#type: row.r#type,
        status: row.status,
        category: row.category,
        sender: timeline.sender,
        group: timeline.group,
        template: row.template.map(NotificationTemplate::from),
        retries_attempted: row.retries_attempted,
        trace_url: trace_url(row.trace_id, state.trace_url_for(owner)),
        trace_id: row.trace_id,
    }))
}
