use tidings_domain::change::Change;
use tidings_domain::notification::UserId;

use super::contacts::{ContactRights, Stated};
use super::profile::UserValues;
use super::row::COLUMNS;
use super::taken::{Unique, taken};
use super::{TakenFields, UserChanges, UserRow, find, lock};
use crate::error::DbError;
use crate::savepoint::with_savepoint;
use crate::{GenericClient, Transaction, phone_numbers};

/// The result of [`update`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpdateResult {
    /// The user after the changes.
    Updated(UserRow),
    /// The user was so before.
    Unchanged(UserRow),
    /// Nothing has changed: other users have these values.
    Taken(TakenFields),
    /// The user does not exist.
    UnknownUser,
    /// Nothing has changed: the user has a role, and the caller may not change the contacts of such users.
    HasRole,
}

/// Changes a user.
///
/// Locks the user's row until the transaction ends. The transaction must be at `READ COMMITTED`, as for [`put`](super::put()).
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn update(
    transaction: &Transaction<'_>,
    id: UserId,
    changes: &UserChanges,
    rights: ContactRights,
) -> Result<UpdateResult, DbError> {
    if !lock(transaction, id).await? {
        return Ok(UpdateResult::UnknownUser);
    }
    let Some(old) = find(transaction, id).await? else {
        return Ok(UpdateResult::UnknownUser);
    };
    let before = old.clone();
    let values = UserValues::changed(&before, changes);
    if !rights.allow(&before, values.email, changes.phone_numbers.as_deref()) {
        return Ok(UpdateResult::HasRole);
    }
    let row = match rewrite(transaction, old, values).await? {
        Ok(row) => row,
        Err(taken) => return Ok(UpdateResult::Taken(taken)),
    };
    let row = match &changes.phone_numbers {
        None => row,
        Some(numbers) => UserRow {
            phone_numbers: phone_numbers::replace(transaction, id, &row.phone_numbers, numbers)
                .await?,
            ..row
        },
    };
    let stated = Stated {
        email: changes.email != Change::Keep,
        phone_numbers: changes.phone_numbers.is_some(),
    };
    let row = rights.confirm(transaction, row, stated).await?;
    Ok(if row == before {
        UpdateResult::Unchanged(row)
    } else {
        UpdateResult::Updated(row)
    })
}

/// Gives a locked user these values, unless other users have them. Returns the user after the change.
pub(super) async fn rewrite(
    transaction: &Transaction<'_>,
    old: UserRow,
    values: UserValues<'_>,
) -> Result<Result<UserRow, TakenFields>, DbError> {
    if UserValues::of_row(&old) == values {
        return Ok(Ok(old));
    }
    // Another user may take the name or the address at this moment, so that only the statement itself can say whether
    // they are free. The transaction goes on if they are not.
    let refused = match with_savepoint(transaction, write(transaction, old.id, values)).await? {
        Ok(row) => return Ok(Ok(row)),
        Err(error) => error,
    };
    let DbError::Postgres(error) = &refused else {
        return Err(refused);
    };
    let Some(field) = Unique::violated(error) else {
        return Err(refused);
    };
    // The error names one field.
    let taken = taken(transaction, old.id, values).await?;
    Ok(Err(if taken.is_any() { taken } else { field.into() }))
}

async fn write(
    client: &impl GenericClient,
    id: UserId,
    values: UserValues<'_>,
) -> Result<UserRow, DbError> {
    let sql = format!(
        "UPDATE users SET username = $2, email = $3, locale = $4, timezone = $5 WHERE id = $1 RETURNING {COLUMNS}"
    );
    let statement = client.prepare_cached(&sql).await?;
    let UserValues {
        username,
        email,
        locale,
        timezone,
    } = values;
    let row = client
        .query_one(
            &statement,
            &[&id.as_uuid(), &username, &email, &locale, &timezone],
        )
        .await?;
    Ok(UserRow::from(&row))
}
