//! The inbox: the in-app notifications of a user, and which of them are read or archived.
//!
//! A row can be recorded long after a row with a newer id, and its transaction can commit after one that began later. So
//! neither ids nor times say what a client has seen. A [`SeenPosition`] does: a snapshot of PostgreSQL, which says for each
//! transaction whether it was committed.

pub mod bench;
mod change;
mod cursor;
mod feed;
mod list;
mod position;
mod read_all;
mod row;
mod snapshot;
mod unread;

use crate::database::Database;
use crate::error::DbError;
use crate::{IsolationLevel, Transaction, TransactionOptions};

pub use change::{Changed, ChangedState, InboxChange, change};
pub use cursor::{InboxCursor, InvalidPosition};
pub use feed::{
    InboxNews, RESUME_ROWS, StreamStart, UNREAD_CAP, news, start_stream, users_with_news,
};
pub use list::{InboxFilter, InboxPage, list};
pub use position::SeenPosition;
pub use read_all::{READ_ALL_CHUNK, ReadAll, read_all};
pub use row::{InboxRow, InboxState, UnknownInboxState};
pub use unread::{UnreadCount, count_unread, count_unread_of};

/// Runs statements that all see the same: what is read, and the position that says what was seen, must not differ.
async fn snapshot_transaction<T>(
    database: &Database,
    work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, DbError> + Clone,
) -> Result<T, DbError> {
    let options = TransactionOptions {
        isolation: IsolationLevel::RepeatableRead,
        read_only: true,
        deferrable: false,
    };
    database.transaction(options, work).await
}
