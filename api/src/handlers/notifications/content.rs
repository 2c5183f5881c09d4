//! `GET /api/notifications/{messageId}/content`.

use std::time::Duration;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use serde::Serialize;
use tidings_db::TransactionOptions;
use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::notifications::{self, PayloadReader, Rendering};
use tidings_domain::notification::MessageId;
use utoipa::ToSchema;
use uuid::Uuid;

use super::lookup::NotificationLookup;
use super::view::TEMPLATE_ERROR;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorDetail};
use crate::handlers::templates::PreviewTemplate;
use crate::page_turn::PageTurn;
use crate::query;
use crate::state::AppState;

/// How long the HTML of what was read can be shown without another entry in the audit log.
const MAX_READING_AGE: Duration = Duration::from_mins(1);

/// What the recipient of a notification reads.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NotificationContent)]
pub struct ContentView {
    /// The notification.
    #[schema(value_type = uuid::Uuid)]
    message_id: MessageId,
    /// The channel.
    #[schema(example = "email")]
    r#type: String,
    /// The attempt whose template is rendered, counted from 0; null if no attempt has used one: then the template is the one
    /// that the next attempt would use.
    attempt: Option<i32>,
    /// The version of the template; null if the payload is the content.
    template: Option<PreviewTemplate>,
    /// The subject of an e-mail, the title of a push message or of an in-app notification, the event of a webhook.
    subject: Option<String>,
    /// The text; the data of a webhook, as JSON. Null if there is no content.
    text: Option<String>,
    /// The HTML part of an e-mail.
    pub(super) html: Option<String>,
    /// Why there is no content; null if there is one.
    error: Option<String>,
    /// Whether the notification is sensitive, so that nobody sees its content.
    payload_hidden: bool,
    /// When the payload was erased.
    #[schema(value_type = Option<String>, format = DateTime)]
    payload_removed_at: Option<Timestamp>,
    /// The entry of this reading in the audit log; null if a user reads their own.
    reading_id: Option<Uuid>,
}

/// The parameters.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ContentQuery {
    /// The attempt whose template is rendered.
    attempt: Option<i32>,
    /// The reading whose HTML is shown.
    reading: Option<Uuid>,
}

/// Returns what the recipient of a notification reads: its payload, or what the template makes of it, in the version that the
/// last attempt has used. A link to unsubscribe is replaced by one that does nothing. Unless a user reads their own, the audit
/// log has an entry for each reading.
#[utoipa::path(get, path = "/api/notifications/{messageId}/content", operation_id = "getContent", tag = "notifications",
    params(
        ("messageId" = uuid::Uuid, Path, description = "The `messageId` that the POST returned"),
        ("attempt" = Option<i32>, Query, description = "The attempt whose template is rendered, counted from 0. By default the last one with a template"),
    ),
    responses(
        (status = 200, description = "The content", body = ContentView),
        (status = 400, description = "The id is not a UUID, or `attempt` is not a number", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow reading notifications", body = crate::error::ErrorBody),
        (status = 404, description = "The notification does not exist, is not recorded yet, or belongs to another user", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable, or others render for too long", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
    origin: Origin,
) -> Result<HttpResponse, ApiError> {
    let query = ContentQuery::parse(request.query_string(), Part::All)?;
    let content = read(query, &state, &caller, &id, origin).await?;
    Ok(HttpResponse::Ok().json(content))
}

/// Reads and renders, with an entry in the audit log unless a user reads their own, or shows the HTML of what they have just read.
pub(super) async fn read(
    query: ContentQuery,
    state: &AppState,
    caller: &Caller,
    id: &str,
    origin: Origin,
) -> Result<ContentView, ApiError> {
    let NotificationLookup { id, owner } = NotificationLookup::new(caller, id)?;
    let ContentQuery { attempt, reading } = query;
    let found = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let found = notifications::find_rendering(transaction, id, owner, attempt).await?;
            let Some(rendering) = found else {
                return Ok(None);
            };
            let reader = caller.payload_reader(rendering.row.user_id);
            if reader == PayloadReader::TargetUser {
                return Ok(Some((rendering, reader, None)));
            }
            let entry = origin.0.entry(Action::NotificationPayload);
            let mut entry = entry
                .on(TargetKind::Notification, id)
                .with("rendered", true);
            if let Some(attempt) = rendering.attempt {
                entry = entry.with("attempt", attempt);
            }
            if let Some(reading) = reading
                && audit::is_recorded_as(transaction, reading, &entry, MAX_READING_AGE).await?
            {
                return Ok(Some((rendering, reader, Some(reading))));
            }
            audit::record(transaction, &entry).await?;
            Ok(Some((rendering, reader, Some(entry.id()))))
        });
    let found = found.await?.ok_or_else(NotificationLookup::not_found)?;
    let (rendering, reader, reading_id) = found;
    let reader = match reader {
        // This is how an operator asks.
        PayloadReader::Operator => PayloadReader::Other,
        other => other,
    };
    let with_template_errors = caller.may_see_template_errors();
    let makes_links = state.unsubscribe.is_some();
    // Every user may render the own notifications.
    let mut content = PageTurn::render(state, move || {
        view(rendering, reader, makes_links, with_template_errors)
    })
    .await?;
    content.reading_id = reading_id;
    Ok(content)
}

fn view(
    rendering: Rendering,
    reader: PayloadReader,
    makes_links: bool,
    with_template_errors: bool,
) -> ContentView {
    let payload_hidden = rendering.row.payload_for(reader).is_none();
    let (content, error) = match rendering.content(reader, makes_links) {
        Ok(content) => (content, None),
        Err(error) if error.quotes_template() && !with_template_errors => {
            (None, Some(TEMPLATE_ERROR.to_owned()))
        }
        Err(error) => (None, Some(error.to_string())),
    };
    let (subject, text, html) = content.map_or((None, None, None), |content| {
        (content.subject, Some(content.text), content.html)
    });
    ContentView {
        message_id: rendering.row.message_id,
        attempt: rendering.attempt,
        template: rendering.template.as_ref().map(PreviewTemplate::from),
        subject,
        text,
        html,
        error,
        payload_hidden,
        payload_removed_at: rendering.row.payload_removed_at,
        r#type: rendering.row.r#type,
        reading_id: None,
    }
}

/// What of the content is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All, as JSON.
    All,
    /// The HTML.
    Html,
}

impl ContentQuery {
    /// Reads the parameters of a URL.
    ///
    /// # Errors
    ///
    /// Returns 400 with everything that is wrong.
    pub(super) fn parse(text: &str, part: Part) -> Result<Self, ApiError> {
        let mut found = Self::default();
        query::read(text, |name, text, problems| {
            match name {
                "attempt" => match text.parse() {
                    Ok(number) if number >= 0 => found.attempt = Some(number),
                    _ => problems.push(ErrorDetail::new(name, "must be a whole number from 0")),
                },
                "reading" if part == Part::Html => {
                    found.reading = query::value(problems, name, text, None);
                }
                _ => return false,
            }
            true
        })?;
        Ok(found)
    }
}
