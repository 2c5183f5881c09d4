use uuid::Uuid;

use super::row::{COLUMNS, DeletionRow};
use crate::audit::{self, Action, AuditOrigin, TargetKind};
use crate::error::DbError;
use crate::{Transaction, api_keys};

/// Cancels a deletion that waits, ends the suspension of the user's API keys, and records it in the
/// audit log. Returns `None`, and changes nothing, if it does not wait.
/// If the erasure begins at the same time, one of the two happens.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn cancel(
    transaction: &Transaction<'_>,
    origin: &AuditOrigin,
    deletion: Uuid,
) -> Result<Option<DeletionRow>, DbError> {
    let sql = format!(
        "UPDATE user_deletions SET status = 'cancelled', finished_at = now()
         WHERE id = $1 AND status = 'waiting' RETURNING {COLUMNS}"
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let Some(row) = transaction.query_opt(&statement, &[&deletion]).await? else {
        return Ok(None);
    };
    let row = DeletionRow::from(&row);
    let statement = transaction
        .prepare_cached("UPDATE users SET deletion_id = NULL WHERE id = $1 AND deletion_id = $2")
        .await?;
    transaction
        .execute(&statement, &[&row.user_id.as_uuid(), &deletion])
        .await?;
    api_keys::set_suspended(transaction, row.user_id, false).await?;
    let entry = origin
        .entry(Action::UserDeleteCancel)
        .on(TargetKind::User, row.user_id);
    audit::record(transaction, &entry).await?;
    Ok(Some(row))
}
