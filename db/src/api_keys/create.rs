use jiff::Timestamp;
use tidings_domain::access::{ApiKey, Scopes};
use tidings_domain::notification::UserId;
use tokio_postgres::types::ToSql;

use super::ApiKeyRow;
use super::row::{COLUMNS, names};
use crate::error::DbError;
use crate::{Transaction, users};

/// How many keys there may be that are not revoked. Each API holds all of them in memory.
pub const MAX_KEYS: i64 = 100_000;

/// A key to create.
#[derive(Clone, Copy, Debug)]
pub struct NewApiKey<'a> {
    /// The key itself. The table stores its id and the hash of its secret.
    pub key: &'a ApiKey,
    /// What the key is for: 1 to 100 characters.
    pub name: &'a str,
    /// What it may do.
    pub scopes: Scopes,
    /// The user to whom it is limited.
    pub user: Option<UserId>,
    /// How many requests a minute it may send.
    pub rate_per_minute: Option<u32>,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
    /// Who creates it.
    pub created_by: &'a str,
}

/// The result of [`create`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreateKeyResult {
    /// The key is created.
    Created(Box<ApiKeyRow>),
    /// The user does not exist.
    UnknownUser,
    /// There are [`MAX_KEYS`] keys already. Concurrent calls can exceed the limit by a few.
    LimitReached,
}

/// Creates a key.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn create(
    transaction: &Transaction<'_>,
    new: &NewApiKey<'_>,
) -> Result<CreateKeyResult, DbError> {
    // The lock keeps the user until the key refers to it.
    if let Some(user) = new.user
        && !users::lock(transaction, user).await?
    {
        return Ok(CreateKeyResult::UnknownUser);
    }
    let sql = format!(
        "INSERT INTO api_keys (id, name, hash, scopes, user_id, rate_per_minute, expires_at, created_by)
         SELECT $1::text, $2::text, $3::bytea, $4::text[], $5::uuid, $6::int, $7::timestamptz, $8::text
         WHERE (SELECT count(*) FROM api_keys WHERE revoked_at IS NULL) < $9
         RETURNING {COLUMNS}"
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let hash = new.key.secret_hash();
    let user = new.user.map(UserId::as_uuid);
    let rate = new
        .rate_per_minute
        .map(|rate| i32::try_from(rate).unwrap_or(i32::MAX));
    let id = new.key.id();
    let parameters: [&(dyn ToSql + Sync); 9] = [
        &id.as_str(),
        &new.name,
        &hash.as_slice(),
        &names(new.scopes),
        &user,
        &rate,
        &new.expires_at,
        &new.created_by,
        &MAX_KEYS,
    ];
    let row = transaction.query_opt(&statement, &parameters).await?;
    let created = row.as_ref().map(|row| Box::new(ApiKeyRow::from(row)));
    Ok(created.map_or(CreateKeyResult::LimitReached, CreateKeyResult::Created))
}
