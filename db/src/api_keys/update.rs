use jiff::Timestamp;
use tidings_domain::access::{ApiKeyId, Scopes};
use tidings_domain::change::Change;
use tidings_domain::notification::UserId;

use super::ApiKeyRow;
use super::row::{COLUMNS, names};
use crate::GenericClient;
use crate::error::DbError;

/// Changes of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyChanges {
    /// The new name; `None` keeps the name.
    pub name: Option<String>,
    /// The new scopes; `None` keeps the scopes.
    pub scopes: Option<Scopes>,
    /// The new limit of requests a minute.
    pub rate_per_minute: Change<u32>,
    /// The new expiry.
    pub expires_at: Change<Timestamp>,
}

/// Changes a key and returns it, or `None` if there is no such key, or it is revoked.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn update(
    client: &impl GenericClient,
    id: ApiKeyId,
    changes: &KeyChanges,
) -> Result<Option<ApiKeyRow>, DbError> {
    let sql = format!(
        "UPDATE api_keys
         SET name = coalesce($2, name),
             scopes = coalesce($3, scopes),
             rate_per_minute = CASE WHEN $4 THEN $5 ELSE rate_per_minute END,
             expires_at = CASE WHEN $6 THEN $7 ELSE expires_at END
         WHERE id = $1 AND revoked_at IS NULL
         RETURNING {COLUMNS}"
    );
    let statement = client.prepare_cached(&sql).await?;
    let scopes = changes.scopes.map(names);
    let (sets_rate, rate) = parts(&changes.rate_per_minute);
    let rate = rate.map(|rate| i32::try_from(rate).unwrap_or(i32::MAX));
    let (sets_expiry, expiry) = parts(&changes.expires_at);
    let row = client
        .query_opt(
            &statement,
            &[
                &id.as_str(),
                &changes.name,
                &scopes,
                &sets_rate,
                &rate,
                &sets_expiry,
                &expiry,
            ],
        )
        .await?;
    Ok(row.as_ref().map(ApiKeyRow::from))
}

/// Whether the value changes, and to what.
fn parts<T: Copy>(change: &Change<T>) -> (bool, Option<T>) {
    match change {
        Change::Keep => (false, None),
        Change::Set(value) => (true, *value),
    }
}

/// Revokes a key, for good, and returns it, or `None` if there is no such key, or it is revoked already.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn revoke(
    client: &impl GenericClient,
    id: ApiKeyId,
) -> Result<Option<ApiKeyRow>, DbError> {
    let sql = format!(
        "UPDATE api_keys SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL RETURNING {COLUMNS}"
    );
    let statement = client.prepare_cached(&sql).await?;
    let row = client.query_opt(&statement, &[&id.as_str()]).await?;
    Ok(row.as_ref().map(ApiKeyRow::from))
}

/// Suspends the keys of a user who is to be deleted, or ends the suspension. Returns how many keys have changed.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn set_suspended(
    client: &impl GenericClient,
    user: UserId,
    suspended: bool,
) -> Result<u64, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE api_keys SET suspended_at = CASE WHEN $2 THEN now() END
             WHERE user_id = $1 AND (suspended_at IS NULL) = $2",
        )
        .await?;
    Ok(client
        .execute(&statement, &[&user.as_uuid(), &suspended])
        .await?)
}
