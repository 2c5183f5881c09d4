use tidings_domain::notification::UserId;

use super::position::{SeenPosition, is_current};
use super::row::{InboxState, VISIBLE};
use crate::Transaction;
use crate::audit::{self, Action, AuditOrigin, TargetKind};
use crate::error::DbError;

/// Most notifications that one call marks.
pub const READ_ALL_CHUNK: u32 = 1000;

/// What a call has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadAll {
    /// Notifications are marked.
    Marked {
        /// How many.
        marked: u64,
        /// Whether another call has more to mark.
        more: bool,
    },
    /// The position is not one of this database.
    NotCurrent,
}

/// Marks unread notifications as read, the oldest first, up to [`READ_ALL_CHUNK`]: those that `up_to` has seen, and those of
/// which this is not known, because they are from before the numbers of transactions were recorded, or from another database.
/// Writes an entry of the audit log if it marks any, unless the user has done this.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn read_all(
    transaction: &Transaction<'_>,
    user: UserId,
    up_to: &SeenPosition,
    category: Option<&str>,
    origin: &AuditOrigin,
) -> Result<ReadAll, DbError> {
    if !is_current(transaction, up_to).await? {
        return Ok(ReadAll::NotCurrent);
    }
    let unread = InboxState::Unread.condition();
    // `claim` explains the order of the locks and `OFFSET 0`.
    let sql = format!(
        "WITH seen AS MATERIALIZED (
             SELECT id, message_id FROM notifications
             WHERE user_id = $1 AND {VISIBLE} AND {unread} AND ($3::text IS NULL OR category = $3)
                   AND (recorded_xid IS NULL OR recorded_xid >= pg_snapshot_xmax(pg_current_snapshot())
                        OR pg_visible_in_snapshot(recorded_xid, $2::text::pg_snapshot))
             ORDER BY id LIMIT {READ_ALL_CHUNK} + 1
         ), locked AS MATERIALIZED (
             SELECT owned.message_id
             FROM (SELECT message_id
                   FROM (SELECT message_id FROM seen ORDER BY id LIMIT {READ_ALL_CHUNK}) AS oldest
                   ORDER BY message_id) AS wanted
                  CROSS JOIN LATERAL (
                      SELECT message_id, read_at FROM notifications
                      WHERE message_id = wanted.message_id OFFSET 0
                      FOR NO KEY UPDATE) AS owned
             WHERE read_at IS NULL
         ), marked AS (
             UPDATE notifications SET read_at = now(), state_xid = pg_current_xact_id()
             FROM locked WHERE notifications.message_id = locked.message_id
             RETURNING notifications.message_id
         )
         SELECT (SELECT count(*) FROM marked), (SELECT count(*) FROM seen)"
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let snapshot = up_to.snapshot.to_string();
    let row = transaction
        .query_one(&statement, &[&user.as_uuid(), &snapshot, &category])
        .await?;
    let marked = u64::try_from(row.get::<_, i64>(0)).unwrap_or(0);
    if marked > 0 && !origin.is_user(user) {
        let entry = origin
            .entry(Action::InboxUpdate)
            .on(TargetKind::User, user)
            .with("changed", marked)
            .with("read", true);
        audit::record(transaction, &entry).await?;
    }
    Ok(ReadAll::Marked {
        marked,
        more: row.get::<_, i64>(1) > i64::from(READ_ALL_CHUNK),
    })
}
