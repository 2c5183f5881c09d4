use tidings_domain::notification::UserId;

use super::{PutResult, UserProfile, create, put};
use crate::Transaction;
use crate::error::DbError;

/// The class of the advisory lock of batches; "usrb" in ASCII.
const BATCH_LOCK: i32 = 0x7573_7262;

/// Stores users in their order: with an id as by [`put()`], without as by [`create`]. A user that cannot be stored does not
/// prevent the others.
///
/// Waits for other transactions that store batches. Without this, two batches with the same users in different orders
/// would wait for each other, and again whenever PostgreSQL has aborted one of them.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn put_all(
    transaction: &Transaction<'_>,
    users: &[(Option<UserId>, &UserProfile)],
) -> Result<Vec<PutResult>, DbError> {
    take_turn(transaction).await?;
    let mut results = Vec::with_capacity(users.len());
    for (id, profile) in users {
        results.push(match id {
            Some(id) => put(transaction, *id, profile).await?,
            None => create(transaction, profile).await?,
        });
    }
    Ok(results)
}

/// Waits until no other transaction stores a batch of users.
pub(super) async fn take_turn(transaction: &Transaction<'_>) -> Result<(), DbError> {
    let statement = transaction
        .prepare_cached("SELECT pg_advisory_xact_lock($1, 0)")
        .await?;
    transaction.query_one(&statement, &[&BATCH_LOCK]).await?;
    Ok(())
}
