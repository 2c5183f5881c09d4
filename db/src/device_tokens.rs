//! The table `device_tokens`.

use std::collections::HashMap;

use jiff::Timestamp;
use tidings_domain::content::DeviceToken;
use tidings_domain::notification::UserId;
use uuid::Uuid;

use crate::error::DbError;
use crate::{GenericClient, LimitedInsert, Transaction, users};

/// The maximum length of the name of a device, in characters.
pub const MAX_NAME: usize = 100;

/// The maximum number of devices of a user.
pub const MAX_PER_USER: i64 = 20;

/// A user's device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceTokenRow {
    /// UUIDv7.
    pub id: Uuid,
    /// The push service's token.
    pub token: String,
    /// The user's name for the device.
    pub name: Option<String>,
    /// When this user registered the device.
    pub created_at: Timestamp,
}

impl From<&tokio_postgres::Row> for DeviceTokenRow {
    fn from(row: &tokio_postgres::Row) -> Self {
        Self {
            id: row.get("id"),
            token: row.get("token"),
            name: row.get("name"),
            created_at: row.get("created_at"),
        }
    }
}

/// Registers a device for a user. A device that the user already has keeps its id and position, and gets
/// `name` if one is given. A device of another user moves to this user with a new id, because one
/// installation of an app has one user.
///
/// Locks the user's row until the transaction ends, so that concurrent calls for one user count one after the
/// other. The transaction must be at `READ COMMITTED`: at a higher level, the count misses what was committed
/// during the wait for the lock.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn upsert(
    transaction: &Transaction<'_>,
    user: UserId,
    token: &DeviceToken,
    name: Option<&str>,
) -> Result<LimitedInsert<DeviceTokenRow>, DbError> {
    Ok(if !users::lock(transaction, user).await? {
        LimitedInsert::UnknownUser
    } else if let Some(existing) = rename(transaction, user, token, name).await? {
        LimitedInsert::Existing(existing)
    } else {
        let new = register_below_limit(transaction, user, token, name).await?;
        new.map_or(LimitedInsert::LimitReached, LimitedInsert::Inserted)
    })
}

/// Returns `None` if the user does not have the device.
async fn rename(
    client: &impl GenericClient,
    user: UserId,
    token: &DeviceToken,
    name: Option<&str>,
) -> Result<Option<DeviceTokenRow>, DbError> {
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
    Ok(row.as_ref().map(DeviceTokenRow::from))
}

/// Returns `None` if the user has reached the limit.
async fn register_below_limit(
    client: &impl GenericClient,
    user: UserId,
    token: &DeviceToken,
    name: Option<&str>,
) -> Result<Option<DeviceTokenRow>, DbError> {
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
    Ok(row.as_ref().map(DeviceTokenRow::from))
}

/// Lists a user's devices, the newest first.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list(
    client: &impl GenericClient,
    user: UserId,
) -> Result<Vec<DeviceTokenRow>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT id, token, name, created_at FROM device_tokens
             WHERE user_id = $1 ORDER BY id DESC",
        )
        .await?;
    let rows = client.query(&statement, &[&user.as_uuid()]).await?;
    Ok(rows.iter().map(DeviceTokenRow::from).collect())
}

/// Lists the addresses of push messages to users: the id and token of every device, the newest first.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list_addresses(
    client: &impl GenericClient,
    users: &[UserId],
) -> Result<HashMap<UserId, Vec<(Uuid, String)>>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT user_id, id, token FROM device_tokens WHERE user_id = ANY ($1) ORDER BY id DESC",
        )
        .await?;
    let users: Vec<Uuid> = users.iter().map(|user| user.as_uuid()).collect();
    let mut addresses = HashMap::<_, Vec<_>>::new();
    for row in client.query(&statement, &[&users]).await? {
        let user = UserId::from(row.get::<_, Uuid>(0));
        let address = (row.get(1), row.get(2));
        addresses.entry(user).or_default().push(address);
    }
    Ok(addresses)
}

/// Deletes a user's device. Returns whether the device existed.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn delete(client: &impl GenericClient, user: UserId, id: Uuid) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached("DELETE FROM device_tokens WHERE user_id = $1 AND id = $2")
        .await?;
    Ok(client.execute(&statement, &[&user.as_uuid(), &id]).await? == 1)
}

/// Deletes a device of any user, because the push service reports it as unregistered. Returns whether the
/// device existed.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn delete_by_token(client: &impl GenericClient, token: &str) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached(
            "DELETE FROM device_tokens
             WHERE token_hash = sha256(decode(replace($1, '\\', '\\\\'), 'escape'))",
        )
        .await?;
    Ok(client.execute(&statement, &[&token]).await? == 1)
}
