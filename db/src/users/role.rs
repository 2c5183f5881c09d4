use tidings_domain::access::Role;
use tidings_domain::notification::UserId;

use super::row::COLUMNS;
use super::{UserRow, find};
use crate::audit::{self, Action, AuditOrigin, TargetKind};
use crate::error::DbError;
use crate::{GenericClient, Transaction};

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

/// Gives a user a role, and records it in the audit log.
///
/// The transaction must be at `SERIALIZABLE` if the role is not admin: two admins could otherwise take the role from each
/// other at the same time, because neither transaction would see the change of the other. Whatever else removes an admin
/// must be so, too, and call [`is_last_admin`].
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
    let Some(before) = find(transaction, id).await? else {
        return Ok(SetRoleResult::UnknownUser);
    };
    if before.role == role {
        return Ok(SetRoleResult::Unchanged(before));
    }
    if is_last_admin(transaction, id).await? {
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
    let entry = origin
        .entry(Action::UserRole)
        .on(TargetKind::User, id)
        .with("from", before.role.as_str())
        .with("to", role.as_str());
    audit::record(transaction, &entry).await?;
    Ok(SetRoleResult::Updated(row))
}

/// Whether the user is an admin, and no other user is. See [`set_role`] for the isolation level that a decision needs.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn is_last_admin(client: &impl GenericClient, user: UserId) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT EXISTS (SELECT FROM users WHERE role = 'admin' AND id = $1)
                    AND NOT EXISTS (SELECT FROM users WHERE role = 'admin' AND id <> $1)",
        )
        .await?;
    let row = client.query_one(&statement, &[&user.as_uuid()]).await?;
    Ok(row.get(0))
}
