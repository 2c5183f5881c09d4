use jiff::Timestamp;
use serde::Serialize;
use tidings_domain::notification::{MessageId, UserId};
use tidings_domain::spreadsheet::inert;
use tokio_postgres::Row;
use uuid::Uuid;

/// A notification of a list, without its content. Serialized as a line of a file.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedNotification {
    /// Increases with `created_at`.
    #[serde(skip)]
    pub id: Uuid,
    /// The message id.
    pub message_id: MessageId,
    /// The target user; `None` if only the payload names the recipient.
    pub target_user_id: Option<UserId>,
    /// The channel's name.
    pub r#type: String,
    /// The status.
    pub status: String,
    /// Why it failed, waits, or was not sent.
    pub reason: Option<String>,
    /// Why the last attempt failed.
    pub error_message: Option<String>,
    /// The category, if any.
    pub category: Option<String>,
    /// Who posted it, if known.
    pub sender: Option<String>,
    /// The template's name, if one renders it.
    pub template: Option<String>,
    /// The number of failed delivery attempts.
    pub retries_attempted: i32,
    /// When the API accepted it.
    pub created_at: Timestamp,
    /// When it was delivered.
    pub processed_at: Option<Timestamp>,
}

pub(super) const LISTED_COLUMNS: &str = "id, message_id, user_id, type, status, coalesce(failure_reason, reason), error_message, category, sender, \
     template_name, retries_attempted, created_at, processed_at";

impl From<&Row> for ListedNotification {
    /// Converts a row of `LISTED_COLUMNS`.
    fn from(row: &Row) -> Self {
        Self {
            id: row.get(0),
            message_id: row.get::<_, Uuid>(1).into(),
            target_user_id: row.get::<_, Option<Uuid>>(2).map(UserId::from),
            r#type: row.get(3),
            status: row.get(4),
            reason: row.get(5),
            error_message: row.get(6),
            category: row.get(7),
            sender: row.get(8),
            template: row.get(9),
            retries_attempted: row.get(10),
            created_at: row.get(11),
            processed_at: row.get(12),
        }
    }
}

impl ListedNotification {
    /// The heads of the columns of [`Self::cells`].
    pub const COLUMNS: [&'static str; 12] = [
        "messageId",
        "targetUserId",
        "type",
        "status",
        "reason",
        "errorMessage",
        "category",
        "sender",
        "template",
        "retriesAttempted",
        "createdAt",
        "processedAt",
    ];

    /// The cells of a line of a table. None is a formula.
    #[must_use]
    pub fn cells(&self) -> [String; Self::COLUMNS.len()] {
        let text = |text: &Option<String>| inert(text.as_deref().unwrap_or_default()).into_owned();
        [
            self.message_id.to_string(),
            self.target_user_id
                .map_or_else(String::new, |user| user.to_string()),
            self.r#type.clone(),
            self.status.clone(),
            text(&self.reason),
            text(&self.error_message),
            text(&self.category),
            text(&self.sender),
            text(&self.template),
            self.retries_attempted.to_string(),
            self.created_at.to_string(),
            self.processed_at
                .map_or_else(String::new, |time| time.to_string()),
        ]
    }
}
