//! The table `phone_numbers`.

use jiff::Timestamp;
use tidings_domain::content::PhoneNumber;
use tidings_domain::notification::UserId;
use uuid::Uuid;

use crate::error::DbError;
use crate::{Added, GenericClient, Transaction, users};

/// How many numbers a user may have.
pub const MAX_PER_USER: i64 = 10;

/// A user's number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// UUIDv7.
    pub id: Uuid,
    /// `+` and digits.
    pub number: String,
    /// When it was added.
    pub created_at: Timestamp,
}

impl From<&tokio_postgres::Row> for Row {
    fn from(row: &tokio_postgres::Row) -> Self {
        Self {
            id: row.get("id"),
            number: row.get("number"),
            created_at: row.get("created_at"),
        }
    }
}

/// Adds a number to a user's. One that they have already stays as it is, and in its place.
///
/// Locks the user's row until the transaction ends, so that concurrent calls for one user count one after the
/// other. The transaction must be at `READ COMMITTED`: at a higher level, the count misses what was committed
/// during the wait for the lock.
///
/// # Errors
///
/// Those of the queries.
pub async fn insert(
    transaction: &Transaction<'_>,
    user: UserId,
    number: &PhoneNumber,
) -> Result<Added<Row>, DbError> {
    Ok(if !users::lock(transaction, user).await? {
        Added::NoSuchUser
    } else if let Some(existing) = find(transaction, user, number).await? {
        Added::Existing(existing)
    } else {
        let new = insert_below_limit(transaction, user, number).await?;
        new.map_or(Added::TooMany, Added::New)
    })
}

async fn find(
    client: &impl GenericClient,
    user: UserId,
    number: &PhoneNumber,
) -> Result<Option<Row>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT id, number, created_at FROM phone_numbers WHERE user_id = $1 AND number = $2",
        )
        .await?;
    let row = client
        .query_opt(&statement, &[&user.as_uuid(), &number.as_str()])
        .await?;
    Ok(row.as_ref().map(Row::from))
}

/// `None` where the user has as many as they may have.
async fn insert_below_limit(
    client: &impl GenericClient,
    user: UserId,
    number: &PhoneNumber,
) -> Result<Option<Row>, DbError> {
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
    Ok(row.as_ref().map(Row::from))
}

/// A user's numbers, the newest first.
///
/// # Errors
///
/// Those of the query.
pub async fn list(client: &impl GenericClient, user: UserId) -> Result<Vec<Row>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT id, number, created_at FROM phone_numbers WHERE user_id = $1 ORDER BY id DESC",
        )
        .await?;
    let rows = client.query(&statement, &[&user.as_uuid()]).await?;
    Ok(rows.iter().map(Row::from).collect())
}

/// Where a text message to a user goes: the number that was added last, with its id.
///
/// # Errors
///
/// Those of the query.
pub async fn newest(
    client: &impl GenericClient,
    user: UserId,
) -> Result<Option<(Uuid, String)>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT id, number FROM phone_numbers WHERE user_id = $1 ORDER BY id DESC LIMIT 1",
        )
        .await?;
    let row = client.query_opt(&statement, &[&user.as_uuid()]).await?;
    Ok(row.map(|row| (row.get(0), row.get(1))))
}

/// Deletes a number of a user's. Returns whether it was there.
///
/// # Errors
///
/// Those of the query.
pub async fn delete(client: &impl GenericClient, user: UserId, id: Uuid) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached("DELETE FROM phone_numbers WHERE user_id = $1 AND id = $2")
        .await?;
    Ok(client.execute(&statement, &[&user.as_uuid(), &id]).await? == 1)
}
