//! The table `users`.

use std::collections::HashSet;

use tidings_common::notification::UserId;
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;

/// A user to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewUser<'a> {
    /// Named by a notification's `targetUserId`.
    pub id: UserId,
    /// Unique.
    pub username: &'a str,
    /// Unique.
    pub email: Option<&'a str>,
}

/// Makes a user unless one with this id, name or address is there. Returns whether it was made.
///
/// # Errors
///
/// Those of the query.
pub async fn insert(client: &impl GenericClient, user: NewUser<'_>) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached(
            "INSERT INTO users (id, username, email) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .await?;
    let made = client
        .execute(
            &statement,
            &[&user.id.as_uuid(), &user.username, &user.email],
        )
        .await?;
    Ok(made == 1)
}

/// Those of `ids` that there are.
///
/// # Errors
///
/// Those of the query.
pub async fn existing(
    client: &impl GenericClient,
    ids: &[UserId],
) -> Result<HashSet<UserId>, DbError> {
    let statement = client
        .prepare_cached("SELECT id FROM users WHERE id = ANY($1)")
        .await?;
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let rows = client.query(&statement, &[&ids]).await?;
    Ok(rows
        .iter()
        .map(|row| UserId::from(row.get::<_, Uuid>(0)))
        .collect())
}
