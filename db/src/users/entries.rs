//! The entries in the audit log about users. They contain none of a user's data.

use std::slice;

use super::{PutResult, UserRow};
use crate::Transaction;
use crate::audit::{self, Action, AuditEntry, AuditOrigin, TargetKind};
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
    record_puts(transaction, origin, slice::from_ref(result)).await
}

/// Like [`record_put`], for many users in one statement.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn record_puts(
    transaction: &Transaction<'_>,
    origin: &AuditOrigin,
    results: &[PutResult],
) -> Result<(), DbError> {
    let entries = results.iter().filter_map(|result| match result {
        PutResult::Created(row) => Some(entry(origin, Action::UserCreate, row)),
        PutResult::Updated(row) => Some(entry(origin, Action::UserUpdate, row)),
        PutResult::Unchanged(_) | PutResult::Taken(_) | PutResult::Erased | PutResult::HasRole => {
            None
        }
    });
    audit::record_all(transaction, &entries.collect::<Vec<_>>()).await
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
    audit::record(transaction, &entry(origin, Action::UserUpdate, row)).await
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

fn entry<'a>(origin: &'a AuditOrigin, action: Action, row: &UserRow) -> AuditEntry<'a> {
    origin.entry(action).on(TargetKind::User, row.id)
}
