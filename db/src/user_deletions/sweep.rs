//! Erases what belongs to a user that is marked.

use super::DeletionRow;
use crate::Transaction;
use crate::audit::{self, Action, AuditOrigin, TargetKind};
use crate::error::DbError;

/// Maximum number of rows of a table in one transaction.
const CHUNK: i64 = 1000;

/// What a chunk has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// How many rows it erased or deleted.
    pub changed: u64,
    /// Whether nothing is left to erase. Otherwise there is more, or a delivery holds a notification.
    pub is_clean: bool,
}

/// Locks rows of notifications. A delivery that has a live claim goes on: its row is left for later.
const FREE: &str = "(lease_until IS NULL OR lease_until <= now())";

/// Notifications that have ended: their rows are deleted. The row of one that has failed stays: its dead letter names its user by
/// the row alone.
const ENDED: &str = "status IN ('processed', 'cancelled', 'expired', 'suppressed', 'digested')";

/// Rows that still belong to the user. They refer to nothing else.
const OWNED: [(&str, &str); 13] = [
    ("phone_numbers", "user_id"),
    ("device_tokens", "user_id"),
    ("webhook_endpoints", "user_id"),
    ("schedules", "target_user_id"),
    ("recovery_mails", "user_id"),
    ("preferences", "user_id"),
    ("sessions", "user_id"),
    ("dashboard_sessions", "user_id"),
    ("contact_codes", "user_id"),
    ("password_resets", "user_id"),
    ("user_settings", "user_id"),
    // Items that still wait are then decided by themselves: nobody gets them.
    ("digests", "user_id"),
    ("dead_letters", "user_id"),
];

/// Erases a chunk of each table. Deletes the notifications that have ended, with their attempts, and empties the others:
/// their messages may be in a queue, also as dead letters, and must find their row. Call this until [`Chunk::is_clean`].
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn sweep(
    transaction: &Transaction<'_>,
    deletion: &DeletionRow,
) -> Result<Chunk, DbError> {
    let user = deletion.user_id.as_uuid();
    let mut changed = empty_open(transaction, deletion).await?;
    changed += delete_ended(transaction, deletion).await?;
    for (table, column) in OWNED {
        let sql = format!(
            "DELETE FROM {table} WHERE ctid = ANY(ARRAY(
                 SELECT ctid FROM {table} WHERE {column} = $1 LIMIT {CHUNK} FOR UPDATE SKIP LOCKED))"
        );
        let statement = transaction.prepare_cached(&sql).await?;
        changed += transaction.execute(&statement, &[&user]).await?;
    }
    changed += audit::erase_user(transaction, deletion.user_id).await?;
    let mut left = vec![format!(
        "EXISTS (SELECT FROM notifications WHERE user_id = $1 AND ({ENDED} OR payload_removed_at IS NULL))"
    )];
    left.extend(
        OWNED.map(|(table, column)| format!("EXISTS (SELECT FROM {table} WHERE {column} = $1)")),
    );
    let sql = format!("SELECT {}", left.join(" OR "));
    let statement = transaction.prepare_cached(&sql).await?;
    let left: bool = transaction.query_one(&statement, &[&user]).await?.get(0);
    Ok(Chunk {
        changed,
        is_clean: !left && changed == 0,
    })
}

/// Empties notifications that have not ended.
async fn empty_open(transaction: &Transaction<'_>, deletion: &DeletionRow) -> Result<u64, DbError> {
    let sql = format!(
        "WITH open AS MATERIALIZED (
             SELECT message_id FROM notifications
             WHERE user_id = $1 AND payload_removed_at IS NULL AND NOT {ENDED} AND {FREE}
             ORDER BY message_id LIMIT {CHUNK} FOR NO KEY UPDATE SKIP LOCKED
         ), attempts AS (
             DELETE FROM delivery_attempts WHERE message_id IN (SELECT message_id FROM open)
         )
         UPDATE notifications
         SET payload = '{{}}', payload_removed_at = now(), fingerprint = NULL, error_message = NULL
         WHERE message_id IN (SELECT message_id FROM open)"
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let user = deletion.user_id.as_uuid();
    Ok(transaction.execute(&statement, &[&user]).await?)
}

/// Deletes notifications that have ended.
async fn delete_ended(
    transaction: &Transaction<'_>,
    deletion: &DeletionRow,
) -> Result<u64, DbError> {
    let sql = format!(
        "SELECT message_id FROM notifications WHERE user_id = $1 AND {ENDED}
         ORDER BY message_id LIMIT {CHUNK} FOR UPDATE SKIP LOCKED"
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let user = deletion.user_id.as_uuid();
    let rows = transaction.query(&statement, &[&user]).await?;
    let ids: Vec<uuid::Uuid> = rows.iter().map(|row| row.get(0)).collect();
    for table in ["delivery_attempts", "notifications"] {
        let sql = format!("DELETE FROM {table} WHERE message_id = ANY($1)");
        let statement = transaction.prepare_cached(&sql).await?;
        transaction.execute(&statement, &[&ids]).await?;
    }
    Ok(u64::try_from(ids.len()).unwrap_or(u64::MAX))
}

/// `erasing → done` after the last chunk: anonymizes the user's row, and records that in the audit log. Returns whether this
/// call has done it.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn finish(
    transaction: &Transaction<'_>,
    origin: &AuditOrigin,
    deletion: &DeletionRow,
) -> Result<bool, DbError> {
    let sql = "UPDATE users
               SET username = 'deleted-' || id || CASE
                       WHEN EXISTS (SELECT FROM users AS other
                                    WHERE other.username = 'deleted-' || users.id AND other.id <> users.id)
                       THEN '-' || gen_random_uuid() ELSE '' END,
                   email = NULL, password_hash = NULL, locale = NULL, timezone = NULL, role = 'user'
               WHERE id = $1";
    // Their rows stay for the audit log, and are of no use to anybody.
    let statement = transaction
        .prepare_cached(
            "UPDATE api_keys SET revoked_at = now() WHERE user_id = $1 AND revoked_at IS NULL",
        )
        .await?;
    transaction
        .execute(&statement, &[&deletion.user_id.as_uuid()])
        .await?;
    end(transaction, origin, deletion, sql).await
}

/// `erasing → done` with `DELETION_MODE=soft`: the user is deleted, and nothing is erased.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn mark_soft(
    transaction: &Transaction<'_>,
    origin: &AuditOrigin,
    deletion: &DeletionRow,
) -> Result<bool, DbError> {
    let sql = "UPDATE users SET is_deleted = true, erased_at = NULL WHERE id = $1";
    end(transaction, origin, deletion, sql).await
}

async fn end(
    transaction: &Transaction<'_>,
    origin: &AuditOrigin,
    deletion: &DeletionRow,
    change_user: &str,
) -> Result<bool, DbError> {
    let statement = transaction
        .prepare_cached(
            "UPDATE user_deletions SET status = 'done', finished_at = now(), reason = NULL
             WHERE id = $1 AND status = 'erasing'",
        )
        .await?;
    if transaction.execute(&statement, &[&deletion.id]).await? == 0 {
        return Ok(false);
    }
    let statement = transaction.prepare_cached(change_user).await?;
    transaction
        .execute(&statement, &[&deletion.user_id.as_uuid()])
        .await?;
    let entry = origin
        .entry(Action::UserErase)
        .on(TargetKind::User, deletion.user_id);
    audit::record(transaction, &entry).await?;
    Ok(true)
}
