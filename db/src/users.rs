//! The table `users`.

use std::collections::HashSet;

use tidings_domain::content::EmailAddress;
use tidings_domain::notification::UserId;
use tokio_postgres::error::SqlState;
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

/// Deletes a user, and with it everything that refers to it: its notifications too.
///
/// # Errors
///
/// Those of the query.
pub async fn delete(client: &impl GenericClient, user: UserId) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached("DELETE FROM users WHERE id = $1")
        .await?;
    let deleted = client.execute(&statement, &[&user.as_uuid()]).await?;
    Ok(deleted == 1)
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

/// Whether there is such a user.
///
/// # Errors
///
/// Those of the query.
pub async fn exists(client: &impl GenericClient, user: UserId) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached("SELECT FROM users WHERE id = $1")
        .await?;
    let row = client.query_opt(&statement, &[&user.as_uuid()]).await?;
    Ok(row.is_some())
}

/// Keeps others from adding to what a user has until the transaction ends. Returns whether there is
/// such a user. Rows that refer to the user are inserted all the same: their foreign keys take a weaker
/// lock.
///
/// # Errors
///
/// Those of the query.
pub(crate) async fn lock(client: &impl GenericClient, user: UserId) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached("SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE")
        .await?;
    let row = client.query_opt(&statement, &[&user.as_uuid()]).await?;
    Ok(row.is_some())
}

/// Where a user's e-mail goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Email {
    /// To this address.
    Address(String),
    /// The user has no address.
    None,
}

impl Email {
    /// The address, where there is one.
    #[must_use]
    pub fn into_address(self) -> Option<String> {
        match self {
            Self::Address(address) => Some(address),
            Self::None => None,
        }
    }
}

/// Where a user's e-mail goes; `None` where there is no such user.
///
/// # Errors
///
/// Those of the query.
pub async fn email(client: &impl GenericClient, user: UserId) -> Result<Option<Email>, DbError> {
    let statement = client
        .prepare_cached("SELECT email FROM users WHERE id = $1")
        .await?;
    let row = client.query_opt(&statement, &[&user.as_uuid()]).await?;
    let email = |address: Option<String>| address.map_or(Email::None, Email::Address);
    Ok(row.map(|row| email(row.get(0))))
}

/// What came of setting a user's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailSet {
    /// It is theirs.
    Done,
    /// Another user has it.
    Taken,
    /// There is no such user.
    NoSuchUser,
}

/// Sets a user's address, or takes it away. Within a transaction, [`EmailSet::Taken`] ends that.
///
/// # Errors
///
/// Those of the query.
pub async fn set_email(
    client: &impl GenericClient,
    user: UserId,
    email: Option<&EmailAddress>,
) -> Result<EmailSet, DbError> {
    let statement = client
        .prepare_cached("UPDATE users SET email = $2 WHERE id = $1")
        .await?;
    let email = email.map(EmailAddress::as_str);
    match client.execute(&statement, &[&user.as_uuid(), &email]).await {
        Ok(0) => Ok(EmailSet::NoSuchUser),
        Ok(_) => Ok(EmailSet::Done),
        Err(error) if is_taken(&error) => Ok(EmailSet::Taken),
        Err(error) => Err(error.into()),
    }
}

/// Whether the address is another user's.
fn is_taken(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|error| {
        *error.code() == SqlState::UNIQUE_VIOLATION && error.constraint() == Some("users_email_key")
    })
}
