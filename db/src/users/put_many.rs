use tidings_domain::notification::UserId;

use super::UserProfile;
use super::columns::UserColumns;
use super::put_all::take_turn;
use super::taken::Unique;
use crate::Transaction;
use crate::error::DbError;

/// The result of [`put_many`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutManyResult {
    /// All users have their profile now.
    Put {
        /// How many of them are new.
        created: u64,
        /// How many others have changed.
        updated: u64,
    },
    /// Nothing has changed: a name or an address is that of another user, or is given twice.
    Taken,
}

/// Gives many users their profiles, in one statement, like [`put`](super::put()) but without their phone numbers. Each id may
/// be given once.
///
/// PostgreSQL aborts the transaction on [`PutManyResult::Taken`]. Waits for other batches of users, like
/// [`put_all`](super::put_all()).
///
/// # Errors
///
/// Returns the error of the query.
pub async fn put_many(
    transaction: &Transaction<'_>,
    users: &[(UserId, UserProfile)],
) -> Result<PutManyResult, DbError> {
    take_turn(transaction).await?;
    let erased = transaction
        .prepare_cached("SELECT FROM users WHERE id = ANY($1) AND erased_at IS NOT NULL LIMIT 1")
        .await?;
    let ids: Vec<uuid::Uuid> = users.iter().map(|(id, _)| id.as_uuid()).collect();
    if transaction.query_opt(&erased, &[&ids]).await?.is_some() {
        return Ok(PutManyResult::Taken);
    }
    let statement = transaction
        .prepare_cached(
            "INSERT INTO users (id, username, email, locale, timezone)
             SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[])
             ON CONFLICT (id) DO UPDATE
                 SET username = excluded.username, email = excluded.email,
                     locale = excluded.locale, timezone = excluded.timezone,
                     email_verified = users.email_verified OR contact_is_trusted()
                 WHERE users.erased_at IS NULL
                       AND ((users.username, users.email, users.locale, users.timezone)
                                IS DISTINCT FROM (excluded.username, excluded.email, excluded.locale, excluded.timezone)
                            OR excluded.email IS NOT NULL AND NOT users.email_verified AND contact_is_trusted())
             RETURNING xmax = 0",
        )
        .await?;
    let columns = UserColumns::of(users.iter().map(|(id, profile)| (*id, profile)));
    let written = match transaction.query(&statement, &columns.parameters()).await {
        Ok(rows) => rows,
        Err(error) if Unique::violated(&error).is_some() => return Ok(PutManyResult::Taken),
        Err(error) => return Err(error.into()),
    };
    let count = |new: bool| {
        let found = written.iter().filter(|row| row.get::<_, bool>(0) == new);
        found.count().try_into().unwrap_or(u64::MAX)
    };
    Ok(PutManyResult::Put {
        created: count(true),
        updated: count(false),
    })
}
