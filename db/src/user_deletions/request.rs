use tidings_domain::notification::UserId;
use uuid::Uuid;

use super::DeletionSettings;
use super::mail::tell;
use super::row::{COLUMNS, DeletionRow};
use super::waiting::of_user;
use crate::audit::{self, Action, AuditOrigin, TargetKind};
use crate::error::DbError;
use crate::user_sessions::{self, EndReason};
use crate::users::is_last_admin;
use crate::{Transaction, api_keys};

/// The result of [`request`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestResult {
    /// The deletion waits now.
    Requested(DeletionRow),
    /// The deletion was requested before, or is done.
    Existed(DeletionRow),
    /// Nothing has changed: the user is the only admin.
    LastAdmin,
    /// The user does not exist.
    UnknownUser,
}

/// Requests the deletion of a user, due after [`DeletionSettings::grace`], and records it in the audit log. Ends the user's
/// sessions, suspends the user's API keys and sends the recovery e-mail. A repetition changes nothing.
///
/// Locks the user's row until the transaction ends. The transaction must be at `SERIALIZABLE`, as for
/// [`is_last_admin`].
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn request(
    transaction: &Transaction<'_>,
    origin: &AuditOrigin,
    user: UserId,
    settings: &DeletionSettings,
    reason: Option<&str>,
) -> Result<RequestResult, DbError> {
    let is_last_admin = is_last_admin(transaction, user).await?;
    let statement = transaction
        .prepare_cached("SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE")
        .await?;
    let found = transaction
        .query_opt(&statement, &[&user.as_uuid()])
        .await?;
    if found.is_none() {
        return Ok(RequestResult::UnknownUser);
    }
    if let Some(row) = of_user(transaction, user).await? {
        return Ok(RequestResult::Existed(row));
    }
    if is_last_admin {
        return Ok(RequestResult::LastAdmin);
    }
    let sql = format!(
        "INSERT INTO user_deletions (id, user_id, due_at, requested_by, reason)
         VALUES ($1, $2, now() + make_interval(secs => $3), $4, left($5, 500)) RETURNING {COLUMNS}"
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let (id, secs) = (Uuid::now_v7(), settings.grace.as_secs_f64());
    let row = transaction
        .query_one(
            &statement,
            &[&id, &user.as_uuid(), &secs, &origin.actor(), &reason],
        )
        .await?;
    let statement = transaction
        .prepare_cached("UPDATE users SET deletion_id = $2 WHERE id = $1")
        .await?;
    transaction
        .execute(&statement, &[&user.as_uuid(), &id])
        .await?;
    let row = DeletionRow::from(&row);
    user_sessions::end_all(transaction, user, None, EndReason::UserDeleted).await?;
    api_keys::set_suspended(transaction, user, true).await?;
    let entry = origin
        .entry(Action::UserDelete)
        .on(TargetKind::User, user)
        .with("dueAt", row.due_at.to_string());
    audit::record(transaction, &entry).await?;
    tell(transaction, &row, settings).await?;
    Ok(RequestResult::Requested(row))
}
