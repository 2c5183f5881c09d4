use tidings_domain::access::Role;
use tidings_domain::notification::UserId;
use uuid::Uuid;

use super::row::COLUMNS;
use super::{UserRow, find};
use crate::Transaction;
use crate::audit::{self, Action, AuditOrigin, TargetKind};
use crate::dashboard_sessions::{self, DashboardEndReason};
use crate::error::DbError;

/// The result of [`set_role`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetRoleResult {
    /// The user has the role now.
    Updated(UserRow),
    /// The user had the role before.
    Unchanged(UserRow),
    /// Nothing has changed: the user is the only admin.
    LastAdmin,
    /// The user does not exist.
    UnknownUser,
}

/// Gives a user a role, ends the user's sessions of the dashboard, and records it in the audit log.
///
/// The transaction must be at `SERIALIZABLE` if the role is not admin, as for [`is_last_admin`].
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn set_role(
    transaction: &Transaction<'_>,
    origin: &AuditOrigin,
    id: UserId,
    role: Role,
) -> Result<SetRoleResult, DbError> {
    let is_last_admin = role != Role::Admin && is_last_admin(transaction, id).await?;
    let Some(before) = find(transaction, id).await? else {
        return Ok(SetRoleResult::UnknownUser);
    };
    if before.role == role {
        return Ok(SetRoleResult::Unchanged(before));
    }
    if is_last_admin {
        return Ok(SetRoleResult::LastAdmin);
    }
    let sql = format!("UPDATE users SET role = $2 WHERE id = $1 RETURNING {COLUMNS}");
    let statement = transaction.prepare_cached(&sql).await?;
    let updated = transaction
        .query_opt(&statement, &[&id.as_uuid(), &role.as_str()])
        .await?;
    let Some(row) = updated.as_ref().map(UserRow::from) else {
        return Ok(SetRoleResult::UnknownUser);
    };
    let reason = DashboardEndReason::RoleChanged;
    dashboard_sessions::end_of_user(transaction, id, reason).await?;
    let entry = origin
        .entry(Action::UserRole)
        .on(TargetKind::User, id)
        .with("from", before.role.as_str())
        .with("to", role.as_str());
    audit::record(transaction, &entry).await?;
    Ok(SetRoleResult::Updated(row))
}

/// Whether the user is an admin, and no other user is who stays. Call it first in the transaction of whatever takes an admin away, at
/// `SERIALIZABLE`: two admins could otherwise take the role from each other at the same time, because neither transaction
/// would see the change of the other.
///
/// Locks all admins until the transaction ends, so that such transactions take turns: without, they would fail with
/// serialization failures more often than they are retried.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn is_last_admin(transaction: &Transaction<'_>, user: UserId) -> Result<bool, DbError> {
    let statement = transaction
        .prepare_cached("SELECT id FROM users WHERE role = 'admin' AND deletion_id IS NULL ORDER BY id FOR NO KEY UPDATE")
        .await?;
    let admins = transaction.query(&statement, &[]).await?;
    Ok(match &admins[..] {
        [only] => only.get::<_, Uuid>(0) == user.as_uuid(),
        _ => false,
    })
}
