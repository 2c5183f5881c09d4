use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use tidings_domain::content::TemplateRef;
use tidings_domain::notification::{Channel, DigestId, MessageId, UserId};
use tidings_domain::time::DeliveryWindow;
use tidings_domain::trace::TraceId;
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;
use crate::page::InvalidCursor;

/// A recorded notification.
#[derive(Clone, Debug, PartialEq)]
pub struct NotificationRow {
    /// Increases with `created_at`.
    pub id: Uuid,
    /// The message id.
    pub message_id: MessageId,
    /// The target user; `None` if only the payload names the recipient.
    pub user_id: Option<UserId>,
    /// The channel's name.
    pub r#type: String,
    /// A JSON object, as text.
    pub payload: String,
    /// The template that renders the message; the payload then contains the variables.
    pub template: Option<TemplateRef>,
    /// The status.
    pub status: String,
    /// The number of failed delivery attempts.
    pub retries_attempted: i32,
    /// When the API accepted it.
    pub created_at: Timestamp,
    /// When the notification was delivered.
    pub processed_at: Option<Timestamp>,
    /// Why the last attempt failed.
    pub error_message: Option<String>,
    /// Why the notification waits, or was not sent.
    pub reason: Option<String>,
    /// When it may be sent.
    pub window: DeliveryWindow,
    /// Whether its payload is never shown; see [`NotificationRow::payload_for`].
    pub sensitive: bool,
    /// When the payload was replaced by `{}`.
    pub payload_removed_at: Option<Timestamp>,
    /// The category, if any.
    pub category: Option<String>,
    /// The digest that it is an item of, or the message of.
    pub digest_id: Option<DigestId>,
    /// When its digest closes, if it is an item that waits.
    pub digest_closes_at: Option<Timestamp>,
    /// The trace that it belongs to.
    pub trace_id: Option<TraceId>,
}

/// Who wants to read a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadReader {
    /// A program of the target user.
    TargetUser,
    /// The operator's services and tools.
    Other,
    /// A person who looks after the installation, and who asks for each payload by itself, which is audited.
    Operator,
}

impl NotificationRow {
    /// Returns the payload, unless it is hidden from `reader`. Whatever shows payloads must ask this: a sensitive one is
    /// hidden from everybody, except that a user reads their own in-app notifications, which have no other way to be read.
    #[must_use]
    pub fn payload_for(&self, reader: PayloadReader) -> Option<&str> {
        let is_inbox =
            reader == PayloadReader::TargetUser && self.r#type == Channel::InApp.as_str();
        let is_shown = (!self.sensitive || is_inbox) && reader != PayloadReader::Operator;
        is_shown.then_some(self.payload.as_str())
    }
}

pub(crate) const COLUMNS: &str = "id, message_id, user_id, type, payload::text, status, retries_attempted, \
                       created_at, processed_at, error_message, template_name, template_locale, \
                       reason, not_before, expires_at, coalesce(sensitive, false), payload_removed_at, \
                       category, digest_id, \
                       CASE WHEN status = 'scheduled' AND digest_id IS NOT NULL AND not_before IS NULL THEN \
                           (SELECT digests.closes_at FROM digests WHERE digests.id = notifications.digest_id) END, \
                       trace_id";

impl From<&tokio_postgres::Row> for NotificationRow {
    /// Converts a row of `COLUMNS`.
    fn from(row: &tokio_postgres::Row) -> Self {
        Self {
            id: row.get(0),
            message_id: row.get::<_, Uuid>(1).into(),
            user_id: row.get::<_, Option<Uuid>>(2).map(UserId::from),
            r#type: row.get(3),
            payload: row.get(4),
            template: row.get::<_, Option<String>>(10).map(|name| TemplateRef {
                name,
                locale: row.get(11),
            }),
            status: row.get(5),
            retries_attempted: row.get(6),
            created_at: row.get(7),
            processed_at: row.get(8),
            error_message: row.get(9),
            reason: row.get(12),
            window: DeliveryWindow {
                not_before: row.get(13),
                expires_at: row.get(14),
            },
            sensitive: row.get(15),
            payload_removed_at: row.get(16),
            category: row.get(17),
            digest_id: row.get::<_, Option<Uuid>>(18).map(DigestId::from),
            digest_closes_at: row.get(19),
            trace_id: row
                .get::<_, Option<&str>>(20)
                .and_then(|id| id.parse().ok()),
        }
    }
}

/// Finds the notification `id`, of `owner` if one is given; `None` if it is not recorded.
///
/// The owner is a condition of the query: a caller must not learn from the time of the response whether another user's
/// notification exists.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn find(
    client: &impl GenericClient,
    id: MessageId,
    owner: Option<UserId>,
) -> Result<Option<NotificationRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM notifications WHERE {OF_OWNER}");
    let statement = client.prepare_cached(&sql).await?;
    let owner = owner.map(UserId::as_uuid);
    let row = client
        .query_opt(&statement, &[&id.as_uuid(), &owner])
        .await?;
    Ok(row.as_ref().map(NotificationRow::from))
}

/// Returns whether the notification `id` is recorded, for `owner` if one is given.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn exists(
    client: &impl GenericClient,
    id: MessageId,
    owner: Option<UserId>,
) -> Result<bool, DbError> {
    let sql = format!("SELECT 1 FROM notifications WHERE {OF_OWNER}");
    let statement = client.prepare_cached(&sql).await?;
    let owner = owner.map(UserId::as_uuid);
    let row = client
        .query_opt(&statement, &[&id.as_uuid(), &owner])
        .await?;
    Ok(row.is_some())
}

/// Selects a notification by its message id and, if one is given, its owner.
const OF_OWNER: &str = "message_id = $1 AND ($2::uuid IS NULL OR user_id = $2)";

/// The position after the last row of a page. Clients must treat its text form as opaque.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdCursor(pub(crate) Uuid);

impl fmt::Display for IdCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.simple(), f)
    }
}

impl FromStr for IdCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self).map_err(|_| InvalidCursor)
    }
}
