use tidings_domain::notification::UserId;
use uuid::Uuid;

use super::contacts::{ContactRights, Stated};
use super::profile::UserValues;
use super::row::COLUMNS;
use super::taken::taken;
use super::update::rewrite;
use super::{TakenFields, UserProfile, UserRow, find, lock};
use crate::error::DbError;
use crate::{GenericClient, Transaction, phone_numbers};

/// The result of [`put`] and [`create`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutResult {
    /// The user is created.
    Created(UserRow),
    /// The user existed, and has this profile now.
    Updated(UserRow),
    /// The user had this profile before.
    Unchanged(UserRow),
    /// Nothing has changed: other users have these values.
    Taken(TakenFields),
    /// Nothing has changed: the user with this id was deleted, and the id is never used again.
    Erased,
    /// Nothing has changed: the user has a role, and the caller may not change the contacts of such users.
    HasRole,
}

/// Gives the user `id` this profile. Creates the user if no user has the id.
///
/// Locks the user's row until the transaction ends. The transaction must be at `READ COMMITTED`: at a higher level, what
/// was committed during the wait for the lock is not seen.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn put(
    transaction: &Transaction<'_>,
    id: UserId,
    profile: &UserProfile,
    rights: ContactRights,
) -> Result<PutResult, DbError> {
    let values = UserValues::of_profile(profile);
    loop {
        if let Some(row) = insert(transaction, id, values).await? {
            let row = set_phone_numbers(transaction, row, profile).await?;
            return Ok(PutResult::Created(row));
        }
        // A lock, and then a read with a new snapshot: the phone numbers may have changed during the wait.
        if lock(transaction, id).await?
            && let Some(row) = find(transaction, id).await?
        {
            return revise(transaction, row, profile, rights).await;
        }
        if is_erased(transaction, id).await? {
            return Ok(PutResult::Erased);
        }
        let taken = taken(transaction, id, values).await?;
        if taken.is_any() {
            return Ok(PutResult::Taken(taken));
        }
        // The user that was in the way has just been deleted or changed.
    }
}

/// Creates a user with a new id, a UUIDv7. Returns [`PutResult::Created`] or [`PutResult::Taken`].
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn create(
    transaction: &Transaction<'_>,
    profile: &UserProfile,
) -> Result<PutResult, DbError> {
    let id = UserId::from(Uuid::now_v7());
    // Nobody has the id.
    put(transaction, id, profile, ContactRights::WithoutRole).await
}

/// Gives a locked user this profile.
pub(super) async fn revise(
    transaction: &Transaction<'_>,
    before: UserRow,
    profile: &UserProfile,
    rights: ContactRights,
) -> Result<PutResult, DbError> {
    let values = UserValues::of_profile(profile);
    if !rights.allow(&before, values.email, profile.phone_numbers.as_deref()) {
        return Ok(PutResult::HasRole);
    }
    let row = match rewrite(transaction, before.clone(), values).await? {
        Ok(row) => set_phone_numbers(transaction, row, profile).await?,
        Err(taken) => return Ok(PutResult::Taken(taken)),
    };
    let stated = Stated {
        email: true,
        phone_numbers: profile.phone_numbers.is_some(),
    };
    let row = rights.confirm(transaction, row, stated).await?;
    Ok(if row == before {
        PutResult::Unchanged(row)
    } else {
        PutResult::Updated(row)
    })
}

/// Whether the user with this id was deleted.
async fn is_erased(client: &impl GenericClient, id: UserId) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached("SELECT FROM users WHERE id = $1 AND erased_at IS NOT NULL")
        .await?;
    let row = client.query_opt(&statement, &[&id.as_uuid()]).await?;
    Ok(row.is_some())
}

/// Returns `None` if a user has the id, the name or the address.
async fn insert(
    client: &impl GenericClient,
    id: UserId,
    values: UserValues<'_>,
) -> Result<Option<UserRow>, DbError> {
    let sql = format!(
        "INSERT INTO users (id, username, email, locale, timezone) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING RETURNING {COLUMNS}"
    );
    let statement = client.prepare_cached(&sql).await?;
    let UserValues {
        username,
        email,
        locale,
        timezone,
    } = values;
    let row = client
        .query_opt(
            &statement,
            &[&id.as_uuid(), &username, &email, &locale, &timezone],
        )
        .await?;
    Ok(row.as_ref().map(UserRow::from))
}

/// Gives a locked user the phone numbers of the profile.
async fn set_phone_numbers(
    transaction: &Transaction<'_>,
    row: UserRow,
    profile: &UserProfile,
) -> Result<UserRow, DbError> {
    match &profile.phone_numbers {
        None => Ok(row),
        Some(numbers) => {
            let phone_numbers =
                phone_numbers::replace(transaction, row.id, &row.phone_numbers, numbers).await?;
            Ok(UserRow {
                phone_numbers,
                ..row
            })
        }
    }
}
