use std::collections::HashMap;

use tidings_domain::notification::UserId;
use uuid::Uuid;

use super::contacts::ContactRights;
use super::insert_all::insert_all;
use super::put::revise;
use super::read::{find_all, lock_all};
use super::taken::taken_all;
use super::{PutResult, UserProfile, UserRow, put};
use crate::Transaction;
use crate::error::DbError;

/// The class of the advisory lock of batches; "usrb" in ASCII.
const BATCH_LOCK: i32 = 0x7573_7262;

/// Stores users: with an id as by [`put()`], without as by [`create`](super::create). A user that cannot be stored does not
/// prevent the others.
///
/// Each sees those before it. Takes a few statements for all users together and, for each that is changed, some of its own.
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
    rights: ContactRights,
) -> Result<Vec<PutResult>, DbError> {
    take_turn(transaction).await?;
    let with_id = |(id, profile): &(Option<UserId>, _)| {
        let id = id.unwrap_or_else(|| UserId::from(Uuid::now_v7()));
        (id, *profile)
    };
    let users: Vec<(UserId, &UserProfile)> = users.iter().map(with_id).collect();
    let inserted = insert_all(transaction, &users).await?;
    let not_inserted: Vec<(UserId, &UserProfile)> = users
        .iter()
        .zip(&inserted)
        .filter_map(|(user, row)| row.is_none().then_some(*user))
        .collect();
    let mut others = put_others(transaction, &not_inserted, rights)
        .await?
        .into_iter();
    let results = inserted.into_iter().filter_map(|row| match row {
        Some(row) => Some(PutResult::Created(row)),
        None => others.next(),
    });
    Ok(results.collect())
}

/// Changes those who exist, and refuses those who cannot be created.
async fn put_others(
    transaction: &Transaction<'_>,
    users: &[(UserId, &UserProfile)],
    rights: ContactRights,
) -> Result<Vec<PutResult>, DbError> {
    let mut results = Vec::with_capacity(users.len());
    if users.is_empty() {
        return Ok(results);
    }
    let mut known = lock_known(transaction, users).await?;
    // Users who do not exist, one after the other, are refused together.
    let exists = users.iter().map(|(id, _)| known.contains_key(id));
    let exists: Vec<bool> = exists.collect();
    let mut rest = users;
    for run in exists.chunk_by(|one, next| one == next) {
        let (users, after) = rest.split_at(run.len());
        rest = after;
        if run[0] {
            for (id, profile) in users {
                results.push(change(transaction, &mut known, *id, profile, rights).await?);
            }
        } else {
            results.extend(refuse(transaction, users, rights).await?);
        }
    }
    Ok(results)
}

/// Locks the users who exist, and returns them.
async fn lock_known(
    transaction: &Transaction<'_>,
    users: &[(UserId, &UserProfile)],
) -> Result<HashMap<UserId, UserRow>, DbError> {
    let ids: Vec<UserId> = users.iter().map(|(id, _)| *id).collect();
    if !lock_all(transaction, &ids).await? {
        return Ok(HashMap::new());
    }
    // With a new snapshot, as in `put`.
    let rows = find_all(transaction, &ids).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// Changes a user who is known.
async fn change(
    transaction: &Transaction<'_>,
    known: &mut HashMap<UserId, UserRow>,
    id: UserId,
    profile: &UserProfile,
    rights: ContactRights,
) -> Result<PutResult, DbError> {
    let Some(row) = known.get_mut(&id) else {
        return put(transaction, id, profile, rights).await;
    };
    let result = revise(transaction, row.clone(), profile, rights).await?;
    if let PutResult::Updated(changed) = &result {
        row.clone_from(changed);
    }
    Ok(result)
}

/// Refuses users whose name or address another user has.
async fn refuse(
    transaction: &Transaction<'_>,
    users: &[(UserId, &UserProfile)],
    rights: ContactRights,
) -> Result<Vec<PutResult>, DbError> {
    let taken = taken_all(transaction, users).await?;
    let mut results = Vec::with_capacity(users.len());
    for ((id, profile), taken) in users.iter().zip(taken) {
        results.push(if taken.is_any() {
            PutResult::Taken(taken)
        } else {
            // The user that was in the way was just changed or deleted.
            put(transaction, *id, profile, rights).await?
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
