use jiff::Timestamp;
use tidings_domain::notification::{MessageId, UserId};
use uuid::Uuid;

use super::row::VISIBLE;
use crate::Transaction;
use crate::audit::{self, Action, AuditOrigin, TargetKind};
use crate::error::DbError;

/// What to change about notifications of an inbox. What is archived is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InboxChange {
    /// Whether they are read. `Some(false)` also takes them out of the archive.
    pub read: Option<bool>,
    /// Whether they are archived. `Some(true)` also makes them read.
    pub archived: Option<bool>,
}

/// What a change has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Those of the given notifications that are in the inbox, changed or not.
    pub found: Vec<MessageId>,
    /// How many were in another state before.
    pub changed: u64,
}

/// Changes notifications of the user's inbox. Leaves out those that are not in it. Writes one entry of the audit log if it
/// changes anything, unless the user has done this.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn change(
    transaction: &Transaction<'_>,
    user: UserId,
    ids: &[MessageId],
    change: InboxChange,
    origin: &AuditOrigin,
) -> Result<Changed, DbError> {
    // `claim` explains the order of the locks and `OFFSET 0`.
    let sql = format!(
        "WITH found AS MATERIALIZED (
             SELECT message_id, read_at, archived_at,
                    CASE WHEN $4 THEN coalesce(archived_at, now())
                         WHEN NOT $4 OR NOT $3 THEN NULL ELSE archived_at END AS new_archived_at,
                    CASE WHEN $3 OR $4 THEN coalesce(read_at, now()) WHEN NOT $3 THEN NULL ELSE read_at END
                        AS new_read_at
             FROM (SELECT DISTINCT id FROM unnest($1::uuid[]) AS wanted (id) ORDER BY id) AS wanted
                  CROSS JOIN LATERAL (
                      SELECT message_id, user_id, type, status, expires_at, read_at, archived_at FROM notifications
                      WHERE message_id = wanted.id AND user_id = $2 OFFSET 0
                      FOR NO KEY UPDATE) AS owned
             WHERE {VISIBLE}
         ), changed AS (
             UPDATE notifications
             SET read_at = new_read_at, archived_at = new_archived_at, state_xid = pg_current_xact_id()
             FROM found
             WHERE notifications.message_id = found.message_id
                   AND (new_read_at, new_archived_at) IS DISTINCT FROM (found.read_at, found.archived_at)
             RETURNING notifications.message_id
         )
         SELECT message_id, (SELECT count(*) FROM changed) FROM found"
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let wanted: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let InboxChange { read, archived } = change;
    let rows = transaction
        .query(&statement, &[&wanted, &user.as_uuid(), &read, &archived])
        .await?;
    let changed = rows.first().map_or(0, |row| row.get::<_, i64>(1));
    let changed = u64::try_from(changed).unwrap_or(0);
    if changed > 0 && !origin.is_user(user) {
        let mut entry = origin
            .entry(Action::InboxUpdate)
            .on(TargetKind::User, user)
            .with("changed", changed);
        for (name, value) in [("read", read), ("archived", archived)] {
            if let Some(value) = value {
                entry = entry.with(name, value);
            }
        }
        audit::record(transaction, &entry).await?;
    }
    let found = rows.iter().map(|row| row.get::<_, Uuid>(0).into());
    Ok(Changed {
        found: found.collect(),
        changed,
    })
}

/// The state of a notification after a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangedState {
    /// The notification.
    pub message_id: MessageId,
    /// When the user read it.
    pub read_at: Option<Timestamp>,
    /// When the user archived it.
    pub archived_at: Option<Timestamp>,
}
