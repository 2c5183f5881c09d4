//! The table `password_resets`: tokens with which users set a new password without the old one.

use std::time::Duration;

use tidings_domain::notification::UserId;
use uuid::Uuid;

use crate::error::DbError;
use crate::{GenericClient, Transaction, users};

/// Inserts a token of a user, unless the user is deleted, or `limit` were inserted within a day. Returns whether it is inserted. Counts one call
/// after the other, so the transaction must be at `READ COMMITTED`.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn insert(
    transaction: &Transaction<'_>,
    user: UserId,
    token: &[u8],
    lifetime: Duration,
    limit: i64,
) -> Result<bool, DbError> {
    if !users::lock(transaction, user).await? {
        return Ok(false);
    }
    let statement = transaction
        .prepare_cached(
            "INSERT INTO password_resets (id, user_id, token, expires_at)
             SELECT $1::uuid, $2::uuid, $3::bytea, now() + make_interval(secs => $4)
             WHERE NOT (SELECT is_deleted FROM users WHERE id = $2)
               AND (SELECT count(*) FROM password_resets
                    WHERE user_id = $2 AND created_at > now() - interval '1 day') < $5",
        )
        .await?;
    let inserted = transaction
        .execute(
            &statement,
            &[
                &Uuid::now_v7(),
                &user.as_uuid(),
                &token,
                &lifetime.as_secs_f64(),
                &limit,
            ],
        )
        .await?;
    Ok(inserted == 1)
}

/// Uses a token, once. Returns the user that may set a password; `None` if no token with this digest is valid. The other
/// tokens of the user are not valid any more either.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn use_once(
    client: &impl GenericClient,
    token: &[u8],
) -> Result<Option<UserId>, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE password_resets SET used_at = now()
             WHERE token = $1 AND used_at IS NULL AND expires_at > now() RETURNING user_id",
        )
        .await?;
    let Some(row) = client.query_opt(&statement, &[&token]).await? else {
        return Ok(None);
    };
    let user = UserId::from(row.get::<_, Uuid>(0));
    invalidate(client, user).await?;
    Ok(Some(user))
}

/// Makes all tokens of a user invalid.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn invalidate(client: &impl GenericClient, user: UserId) -> Result<(), DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE password_resets SET used_at = now() WHERE user_id = $1 AND used_at IS NULL",
        )
        .await?;
    client.execute(&statement, &[&user.as_uuid()]).await?;
    Ok(())
}
