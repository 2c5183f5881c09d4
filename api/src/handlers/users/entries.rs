//! The entries in the audit log.

use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::users::{PutResult, UserRow};
use tidings_db::{DbError, Transaction};

use crate::audit::Origin;

/// Records that a user was created or changed. A user that could not be stored leaves no entry.
pub async fn record_put(
    transaction: &Transaction<'_>,
    origin: &Origin,
    result: &PutResult,
) -> Result<(), DbError> {
    match result {
        PutResult::Created(row) => record(transaction, origin, Action::UserCreate, row).await,
        PutResult::Updated(row) => record(transaction, origin, Action::UserUpdate, row).await,
        PutResult::Taken(_) => Ok(()),
    }
}

/// Records what was done with a user, without the user's data.
pub async fn record(
    transaction: &Transaction<'_>,
    origin: &Origin,
    action: Action,
    row: &UserRow,
) -> Result<(), DbError> {
    let entry = origin
        .0
        .entry(action)
        .on(TargetKind::User, row.id.to_string());
    audit::record(transaction, &entry).await
}
