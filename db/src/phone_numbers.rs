//! The table `phone_numbers`.

mod replace;

use std::collections::HashMap;

use jiff::Timestamp;
use tidings_domain::content::PhoneNumber;
use tidings_domain::notification::UserId;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::error::DbError;
use crate::{GenericClient, LimitedInsert, Transaction, users};

pub(crate) use replace::{add_all, distinct, replace};

/// The maximum number of phone numbers of a user.
pub const MAX_PER_USER: i64 = 10;

/// A user's phone number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneNumberRow {
    /// UUIDv7.
    pub id: Uuid,
    /// `+` and digits.
    pub number: String,
    /// When the number was inserted.
    pub created_at: Timestamp,
}

impl From<&tokio_postgres::Row> for PhoneNumberRow {
    fn from(row: &tokio_postgres::Row) -> Self {
        Self {
            id: row.get("id"),
            number: row.get("number"),
            created_at: row.get("created_at"),
        }
    }
}

/// Inserts a phone number of a user. A number that the user already has keeps its id and position.
///
/// Locks the user's row until the transaction ends, so that concurrent calls for one user count one after the
/// other. The transaction must be at `READ COMMITTED`: at a higher level, the count misses what was committed
/// during the wait for the lock.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn insert(
    transaction: &Transaction<'_>,
    user: UserId,
    number: &PhoneNumber,
) -> Result<LimitedInsert<PhoneNumberRow>, DbError> {
    Ok(if !users::lock(transaction, user).await? {
        LimitedInsert::UnknownUser
    } else if let Some(existing) = find(transaction, user, number).await? {
        confirm(transaction, existing.id).await?;
        LimitedInsert::Existing(existing)
    } else {
        let new = insert_below_limit(transaction, user, number).await?;
        new.map_or(LimitedInsert::LimitReached, LimitedInsert::Inserted)
    })
}

/// Returns whose phone number this is; `None` if it does not exist any more.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn find_user(client: &impl GenericClient, id: Uuid) -> Result<Option<UserId>, DbError> {
    let statement = client
        .prepare_cached("SELECT user_id FROM phone_numbers WHERE id = $1")
        .await?;
    let row = client.query_opt(&statement, &[&id]).await?;
    Ok(row.map(|row| UserId::from(row.get::<_, Uuid>(0))))
}

async fn find(
    client: &impl GenericClient,
    user: UserId,
    number: &PhoneNumber,
) -> Result<Option<PhoneNumberRow>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT id, number, created_at FROM phone_numbers WHERE user_id = $1 AND number = $2",
        )
        .await?;
    let row = client
        .query_opt(&statement, &[&user.as_uuid(), &number.as_str()])
        .await?;
    Ok(row.as_ref().map(PhoneNumberRow::from))
}

/// A number that a user has not verified counts as verified once somebody else states it.
async fn confirm(client: &impl GenericClient, id: Uuid) -> Result<(), DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE phone_numbers SET verified = true WHERE id = $1 AND NOT verified AND contact_is_trusted()",
        )
        .await?;
    client.execute(&statement, &[&id]).await?;
    Ok(())
}

/// Returns `None` if the user has reached the limit.
async fn insert_below_limit(
    client: &impl GenericClient,
    user: UserId,
    number: &PhoneNumber,
) -> Result<Option<PhoneNumberRow>, DbError> {
    let statement = client
        .prepare_cached(
            "INSERT INTO phone_numbers (id, user_id, number)
             SELECT $1::uuid, $2::uuid, $3::text
             WHERE (SELECT count(*) FROM phone_numbers WHERE user_id = $2) < $4
             RETURNING id, number, created_at",
        )
        .await?;
    let row = client
        .query_opt(
            &statement,
            &[
                &Uuid::now_v7(),
                &user.as_uuid(),
                &number.as_str(),
                &MAX_PER_USER,
            ],
        )
        .await?;
    Ok(row.as_ref().map(PhoneNumberRow::from))
}

/// Lists a user's phone numbers, the newest first.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list(
    client: &impl GenericClient,
    user: UserId,
) -> Result<Vec<PhoneNumberRow>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT id, number, created_at FROM phone_numbers WHERE user_id = $1 ORDER BY id DESC",
        )
        .await?;
    let rows = client.query(&statement, &[&user.as_uuid()]).await?;
    Ok(rows.iter().map(PhoneNumberRow::from).collect())
}

/// Finds the addresses of text messages to users: the id and number of the newest phone number of each that is verified.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn newest_addresses(
    client: &impl GenericClient,
    users: &[UserId],
) -> Result<HashMap<UserId, (Uuid, String)>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT DISTINCT ON (user_id) user_id, id, number FROM phone_numbers
             WHERE user_id = ANY ($1) AND verified ORDER BY user_id, id DESC",
        )
        .await?;
    let users: Vec<Uuid> = users.iter().map(|user| user.as_uuid()).collect();
    let rows = client.query(&statement, &[&users]).await?;
    let address = |row: &Row| {
        let user = UserId::from(row.get::<_, Uuid>(0));
        (user, (row.get(1), row.get(2)))
    };
    Ok(rows.iter().map(address).collect())
}

/// Deletes a user's phone number. Returns whether the number existed.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn delete(client: &impl GenericClient, user: UserId, id: Uuid) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached("DELETE FROM phone_numbers WHERE user_id = $1 AND id = $2")
        .await?;
    Ok(client.execute(&statement, &[&user.as_uuid(), &id]).await? == 1)
}
