//! The table `device_tokens`.

use jiff::Timestamp;
use tidings_domain::content::DeviceToken;
use tidings_domain::notification::UserId;
use uuid::Uuid;

use crate::error::DbError;
use crate::{Added, GenericClient, Transaction, users};

/// How many devices a user may have.
pub const MAX_PER_USER: i64 = 20;

/// A user's device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// UUIDv7.
    pub id: Uuid,
    /// What the push service calls it.
    pub token: String,
    /// What the user calls it.
    pub name: Option<String>,
    /// When this user registered it.
    pub created_at: Timestamp,
}

impl From<&tokio_postgres::Row> for Row {
    fn from(row: &tokio_postgres::Row) -> Self {
        Self {
            id: row.get("id"),
            token: row.get("token"),
            name: row.get("name"),
            created_at: row.get("created_at"),
        }
    }
}

/// Makes a device a user's. One that they have already keeps its id and place, and takes `name` where
/// one is given; one of another user's moves, as a new one, since one installation of an app has one
/// user.
///
/// Locks the user's row until the transaction ends, so that concurrent calls for one user count one after the
/// other. The transaction must be at `READ COMMITTED`: at a higher level, the count misses what was committed
/// during the wait for the lock.
///
/// # Errors
///
/// Those of the queries.
pub async fn upsert(
    transaction: &Transaction<'_>,
    user: UserId,
    token: &DeviceToken,
    name: Option<&str>,
) -> Result<Added<Row>, DbError> {
    Ok(if !users::lock(transaction, user).await? {
        Added::NoSuchUser
    } else if let Some(existing) = rename(transaction, user, token, name).await? {
        Added::Existing(existing)
    } else {
        let new = register_below_limit(transaction, user, token, name).await?;
        new.map_or(Added::TooMany, Added::New)
    })
}

/// `None` where the device is not this user's.
async fn rename(
    client: &impl GenericClient,
    user: UserId,
    token: &DeviceToken,
    name: Option<&str>,
) -> Result<Option<Row>, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE device_tokens SET name = coalesce($3, name)
             WHERE user_id = $1 AND token = $2
             RETURNING id, token, name, created_at",
        )
        .await?;
    let row = client
        .query_opt(&statement, &[&user.as_uuid(), &token.as_str(), &name])
        .await?;
    Ok(row.as_ref().map(Row::from))
}

/// `None` where the user has as many as they may have.
async fn register_below_limit(
    client: &impl GenericClient,
    user: UserId,
    token: &DeviceToken,
    name: Option<&str>,
) -> Result<Option<Row>, DbError> {
    let statement = client
        .prepare_cached(
            "INSERT INTO device_tokens (id, user_id, token, name)
             SELECT $1::uuid, $2::uuid, $3::text, $4::text
             WHERE (SELECT count(*) FROM device_tokens WHERE user_id = $2) < $5
             ON CONFLICT (token_hash) DO UPDATE
             SET id = excluded.id, user_id = excluded.user_id, name = excluded.name,
                 created_at = excluded.created_at
             RETURNING id, token, name, created_at",
        )
        .await?;
    let row = client
        .query_opt(
            &statement,
            &[
                &Uuid::now_v7(),
                &user.as_uuid(),
                &token.as_str(),
                &name,
                &MAX_PER_USER,
            ],
        )
        .await?;
    Ok(row.as_ref().map(Row::from))
}

/// A user's devices, the newest first.
///
/// # Errors
///
/// Those of the query.
pub async fn list(client: &impl GenericClient, user: UserId) -> Result<Vec<Row>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT id, token, name, created_at FROM device_tokens
             WHERE user_id = $1 ORDER BY id DESC",
        )
        .await?;
    let rows = client.query(&statement, &[&user.as_uuid()]).await?;
    Ok(rows.iter().map(Row::from).collect())
}

/// Where a push message to a user goes: every device's id and token, the newest first.
///
/// # Errors
///
/// Those of the query.
pub async fn all(
    client: &impl GenericClient,
    user: UserId,
) -> Result<Vec<(Uuid, String)>, DbError> {
    let statement = client
        .prepare_cached("SELECT id, token FROM device_tokens WHERE user_id = $1 ORDER BY id DESC")
        .await?;
    let rows = client.query(&statement, &[&user.as_uuid()]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Deletes a device of a user's. Returns whether it was there.
///
/// # Errors
///
/// Those of the query.
pub async fn delete(client: &impl GenericClient, user: UserId, id: Uuid) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached("DELETE FROM device_tokens WHERE user_id = $1 AND id = $2")
        .await?;
    Ok(client.execute(&statement, &[&user.as_uuid(), &id]).await? == 1)
}

/// Deletes a device, whosever it is: the push service says that it is no more. Returns whether it was
/// there.
///
/// # Errors
///
/// Those of the query.
pub async fn forget(client: &impl GenericClient, token: &str) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached(
            "DELETE FROM device_tokens
             WHERE token_hash = sha256(decode(replace($1, '\\', '\\\\'), 'escape'))",
        )
        .await?;
    Ok(client.execute(&statement, &[&token]).await? == 1)
}
