use tidings_domain::notification::UserId;

use crate::GenericClient;
use crate::error::DbError;

/// A user to insert.
#[derive(Clone, Copy, Debug)]
pub struct NewUser<'a> {
    /// The id that a notification's `targetUserId` names.
    pub id: UserId,
    /// Unique.
    pub username: &'a str,
    /// Unique.
    pub email: Option<&'a str>,
}

/// Inserts a user unless a user with this id, name or address exists. Returns whether the user was
/// inserted.
///
/// # Errors
///
/// Returns the error of the query.
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

/// Deletes a user and everything that refers to the user, notifications included.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn delete(client: &impl GenericClient, user: UserId) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached("DELETE FROM users WHERE id = $1")
        .await?;
    let deleted = client.execute(&statement, &[&user.as_uuid()]).await?;
    Ok(deleted == 1)
}
