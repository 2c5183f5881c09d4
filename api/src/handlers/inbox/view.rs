use jiff::Timestamp;
use serde::Serialize;
use tidings_db::inbox::InboxRow;
use tidings_db::notifications::PayloadReader;
use tidings_domain::notification::UserId;
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::notifications::NotificationView;

/// A notification in an inbox.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InboxItem {
    /// The notification.
    #[serde(flatten)]
    notification: NotificationView,
    /// When the user read it.
    #[schema(value_type = Option<String>, format = DateTime)]
    read_at: Option<Timestamp>,
    /// When the user archived it. What is archived is read.
    #[schema(value_type = Option<String>, format = DateTime)]
    archived_at: Option<Timestamp>,
}

impl InboxItem {
    /// Converts a row for a reader.
    ///
    /// # Errors
    ///
    /// Returns an error if the payload of the row is not JSON.
    pub fn new(row: InboxRow, reader: PayloadReader) -> Result<Self, ApiError> {
        Ok(Self {
            // No template renders an in-app notification.
            notification: NotificationView::for_reader(row.notification, reader, false)?,
            read_at: row.read_at,
            archived_at: row.archived_at,
        })
    }
}

/// Who reads the inbox of `owner`: only a program of that user sees the payloads of sensitive notifications.
pub fn reader(caller: &Caller, owner: UserId) -> PayloadReader {
    if caller.acts_for(owner) {
        PayloadReader::TargetUser
    } else {
        PayloadReader::Other
    }
}
