use jiff::Timestamp;
use tidings_domain::notification::UserId;
use uuid::Uuid;

use super::row::{COLUMNS, DeletionRow};
use crate::Transaction;
use crate::audit::{self, Action, AuditOrigin, TargetKind};
use crate::error::DbError;

/// `waiting → erasing` for the oldest deletion that is due at `now`, unless the erasures of the day (in UTC) of `now` have
/// reached `per_day`. Marks the user as erased, unless the deletion is `soft`. Leaves out what another scheduler has locked. Returns `None` if nothing was begun.
///
/// The limit holds exactly for any number of schedulers, because the transaction counts what it begins.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn begin_due(
    transaction: &Transaction<'_>,
    now: Timestamp,
    per_day: u32,
    soft: bool,
) -> Result<Option<DeletionRow>, DbError> {
    let statement = transaction
        .prepare_cached(
            "SELECT id FROM user_deletions WHERE status = 'waiting' AND due_at <= $1
             ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED",
        )
        .await?;
    let Some(due) = transaction.query_opt(&statement, &[&now]).await? else {
        return Ok(None);
    };
    let statement = transaction
        .prepare_cached(
            "INSERT INTO deletion_days AS counted (day, done) VALUES (($1::timestamptz AT TIME ZONE 'UTC')::date, 1)
             ON CONFLICT (day) DO UPDATE SET done = counted.done + 1 WHERE counted.done < $2
             RETURNING done",
        )
        .await?;
    let per_day = i32::try_from(per_day).unwrap_or(i32::MAX);
    let counted = transaction.query_opt(&statement, &[&now, &per_day]).await?;
    if counted.is_none() {
        return Ok(None);
    }
    begin(transaction, due.get(0), soft).await.map(Some)
}

/// Begins the erasure of a user whose deletion waits, before it is due and beyond the limit a day, and records that in the
/// audit log. Counts it into the day. Returns `None`, and changes nothing, if no deletion waits.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn begin_now(
    transaction: &Transaction<'_>,
    origin: &AuditOrigin,
    user: UserId,
) -> Result<Option<DeletionRow>, DbError> {
    let statement = transaction
        .prepare_cached(
            "SELECT id FROM user_deletions WHERE status = 'waiting' AND user_id = $1 FOR UPDATE",
        )
        .await?;
    let found = transaction
        .query_opt(&statement, &[&user.as_uuid()])
        .await?;
    let Some(found) = found else { return Ok(None) };
    let statement = transaction
        .prepare_cached(
            "INSERT INTO deletion_days AS counted (day, done) VALUES ((now() AT TIME ZONE 'UTC')::date, 1)
             ON CONFLICT (day) DO UPDATE SET done = counted.done + 1",
        )
        .await?;
    transaction.execute(&statement, &[]).await?;
    let row = begin(transaction, found.get(0), false).await?;
    let entry = origin
        .entry(Action::UserEraseNow)
        .on(TargetKind::User, user);
    audit::record(transaction, &entry).await?;
    Ok(Some(row))
}

/// Marks the deletion, which is locked, and its user.
async fn begin(
    transaction: &Transaction<'_>,
    deletion: Uuid,
    soft: bool,
) -> Result<DeletionRow, DbError> {
    let sql = format!(
        "UPDATE user_deletions SET status = 'erasing', marked_xid = pg_current_xact_id()
         WHERE id = $1 RETURNING {COLUMNS}"
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let row = transaction.query_one(&statement, &[&deletion]).await?;
    let row = DeletionRow::from(&row);
    let statement = transaction
        .prepare_cached(
            "UPDATE users SET deletion_id = $2, erased_at = CASE WHEN $3 THEN NULL ELSE now() END
             WHERE id = $1 AND erased_at IS NULL",
        )
        .await?;
    transaction
        .execute(&statement, &[&row.user_id.as_uuid(), &deletion, &soft])
        .await?;
    Ok(row)
}
