use std::str::FromStr;

use jiff::Timestamp;
use tokio_postgres::Row;

use crate::notifications::{NOTIFICATION_COLUMNS, NotificationRow};

/// A notification in an inbox.
#[derive(Clone, Debug, PartialEq)]
pub struct InboxRow {
    /// The notification.
    pub notification: NotificationRow,
    /// When the user read it.
    pub read_at: Option<Timestamp>,
    /// When the user archived it.
    pub archived_at: Option<Timestamp>,
}

/// The columns of an [`InboxRow`].
pub(super) fn columns() -> String {
    format!("{NOTIFICATION_COLUMNS}, read_at, archived_at")
}

impl From<&Row> for InboxRow {
    /// Converts a row that begins with `columns`.
    fn from(row: &Row) -> Self {
        Self {
            notification: NotificationRow::from(row),
            read_at: row.get("read_at"),
            archived_at: row.get("archived_at"),
        }
    }
}

/// The condition for what an inbox shows. Begins like those of the partial indexes.
pub(super) const VISIBLE: &str =
    "type = 'in-app' AND status = 'processed' AND (expires_at IS NULL OR expires_at > now())";

/// Which notifications of an inbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InboxState {
    /// Those that are not read.
    #[default]
    Unread,
    /// Those that are read and not archived.
    Read,
    /// Those that are archived, and so read.
    Archived,
    /// All.
    All,
}

/// The text names no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be unread, read, archived or all")]
pub struct UnknownInboxState;

impl InboxState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Unread, Self::Read, Self::Archived, Self::All];

    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unread => "unread",
            Self::Read => "read",
            Self::Archived => "archived",
            Self::All => "all",
        }
    }

    /// The condition, as in the partial index of the state.
    pub(super) const fn condition(self) -> &'static str {
        match self {
            Self::Unread => "read_at IS NULL AND archived_at IS NULL",
            Self::Read => "read_at IS NOT NULL AND archived_at IS NULL",
            Self::Archived => "archived_at IS NOT NULL",
            Self::All => "true",
        }
    }
}

impl FromStr for InboxState {
    type Err = UnknownInboxState;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|state| state.as_str() == text)
            .ok_or(UnknownInboxState)
    }
}
