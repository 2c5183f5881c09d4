//! The table `users`.

use std::collections::HashSet;

use tidings_domain::content::EmailAddress;
use tidings_domain::notification::UserId;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

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

/// Returns those of `ids` that exist.
///
/// # Errors
///
/// Returns the error of the query.
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

/// Returns whether the user exists.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn exists(client: &impl GenericClient, user: UserId) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached("SELECT FROM users WHERE id = $1")
        .await?;
    let row = client.query_opt(&statement, &[&user.as_uuid()]).await?;
    Ok(row.is_some())
}

/// Locks the user's row until the transaction ends, so that limits per user are checked one call after
/// the other. Returns whether the user exists. Does not block other inserts that refer to the user: their
/// foreign keys take a weaker lock.
///
/// # Errors
///
/// Returns the error of the query.
pub(crate) async fn lock(client: &impl GenericClient, user: UserId) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached("SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE")
        .await?;
    let row = client.query_opt(&statement, &[&user.as_uuid()]).await?;
    Ok(row.is_some())
}

/// A user's e-mail address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserEmail {
    /// The user has this address.
    Address(String),
    /// The user has no address.
    None,
}

impl UserEmail {
    /// Returns the address if the user has one.
    #[must_use]
    pub fn into_address(self) -> Option<String> {
        match self {
            Self::Address(address) => Some(address),
            Self::None => None,
        }
    }
}

/// Finds a user's e-mail address; `None` if the user does not exist.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn email(
    client: &impl GenericClient,
    user: UserId,
) -> Result<Option<UserEmail>, DbError> {
    let statement = client
        .prepare_cached("SELECT email FROM users WHERE id = $1")
        .await?;
    let row = client.query_opt(&statement, &[&user.as_uuid()]).await?;
    let email = |address: Option<String>| address.map_or(UserEmail::None, UserEmail::Address);
    Ok(row.map(|row| email(row.get(0))))
}

/// The result of setting a user's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetEmailResult {
    /// The user has the address now.
    Updated,
    /// Another user has the address.
    AddressTaken,
    /// The user does not exist.
    UnknownUser,
}

/// Sets a user's address, or removes it. PostgreSQL aborts the surrounding transaction on
/// [`SetEmailResult::AddressTaken`].
///
/// # Errors
///
/// Returns the error of the query.
pub async fn set_email(
    client: &impl GenericClient,
    user: UserId,
    email: Option<&EmailAddress>,
) -> Result<SetEmailResult, DbError> {
    let statement = client
        .prepare_cached("UPDATE users SET email = $2 WHERE id = $1")
        .await?;
    let email = email.map(EmailAddress::as_str);
    match client.execute(&statement, &[&user.as_uuid(), &email]).await {
        Ok(0) => Ok(SetEmailResult::UnknownUser),
        Ok(_) => Ok(SetEmailResult::Updated),
        Err(error) if is_taken(&error) => Ok(SetEmailResult::AddressTaken),
        Err(error) => Err(error.into()),
    }
}

/// Whether the error says that another user has the address.
fn is_taken(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|error| {
        *error.code() == SqlState::UNIQUE_VIOLATION && error.constraint() == Some("users_email_key")
    })
}
