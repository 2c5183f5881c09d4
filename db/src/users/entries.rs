//! The entries in the audit log about users. They contain none of a user's data.

use super::{PutResult, UserRow};
use crate::Transaction;
use crate::audit::{self, Action, AuditOrigin, TargetKind};
use crate::error::DbError;

/// Records that a user was created or changed. A user that stays the same, or could not be stored, leaves no entry.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn record_put(
    transaction: &Transaction<'_>,
    origin: &AuditOrigin,
    result: &PutResult,
) -> Result<(), DbError> {
    match result {
        PutResult::Created(row) => record(transaction, origin, Action::UserCreate, row).await,
        PutResult::Updated(row) => record_update(transaction, origin, row).await,
        PutResult::Unchanged(_) | PutResult::Taken(_) => Ok(()),
    }
}

/// Records that a user was changed.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn record_update(
    transaction: &Transaction<'_>,
    origin: &AuditOrigin,
    row: &UserRow,
) -> Result<(), DbError> {
    record(transaction, origin, Action::UserUpdate, row).await
}

/// Records that users were imported together, unless all of them stay the same.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn record_import(
    transaction: &Transaction<'_>,
    origin: &AuditOrigin,
    created: u64,
    updated: u64,
) -> Result<(), DbError> {
    if created + updated == 0 {
        return Ok(());
    }
    let entry = origin
        .entry(Action::UserImport)
        .with("created", created)
        .with("updated", updated);
    audit::record(transaction, &entry).await
}

async fn record(
    transaction: &Transaction<'_>,
    origin: &AuditOrigin,
    action: Action,
    row: &UserRow,
) -> Result<(), DbError> {
    let entry = origin.entry(action).on(TargetKind::User, row.id);
    audit::record(transaction, &entry).await
}
