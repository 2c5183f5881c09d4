//! What users log in with: the column `users.password_hash`.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use tidings_domain::access::Role;
use tidings_domain::content::EmailAddress;
use tidings_domain::notification::UserId;
use tidings_domain::user::Username;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::error::DbError;
use crate::{GenericClient, Transaction};

/// By what a user logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginName {
    /// The e-mail address, in whatever spelling.
    Email(EmailAddress),
    /// The name.
    Username(Username),
}

/// A user with the hash of the password.
#[derive(Clone)]
pub struct Credentials {
    /// The user.
    pub user: UserId,
    /// The name.
    pub username: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// `None` if the user cannot log in.
    pub password_hash: Option<SecretString>,
}

/// Logs must not contain names and addresses.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// A user who is deleted with `DELETION_MODE=soft` keeps the hash, and cannot log in.
const COLUMNS: &str =
    "id, username, email, CASE WHEN is_deleted THEN NULL ELSE password_hash END AS password_hash";

impl From<&Row> for Credentials {
    fn from(row: &Row) -> Self {
        Self {
            user: row.get::<_, Uuid>(0).into(),
            username: row.get(1),
            email: row.get(2),
            password_hash: row.get::<_, Option<String>>(3).map(SecretString::from),
        }
    }
}

/// Finds the user that logs in by `name`.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn find(
    client: &impl GenericClient,
    name: &LoginName,
) -> Result<Option<Credentials>, DbError> {
    let (condition, value) = match name {
        LoginName::Email(email) => ("normal_email(email) = normal_email($1)", email.as_str()),
        LoginName::Username(username) => ("username = $1", username.as_str()),
    };
    let sql = format!("SELECT {COLUMNS} FROM users WHERE {condition}");
    let statement = client.prepare_cached(&sql).await?;
    let row = client.query_opt(&statement, &[&value]).await?;
    Ok(row.as_ref().map(Credentials::from))
}

/// Finds a user by the id.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn find_by_id(
    client: &impl GenericClient,
    user: UserId,
) -> Result<Option<Credentials>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM users WHERE id = $1");
    let statement = client.prepare_cached(&sql).await?;
    let row = client.query_opt(&statement, &[&user.as_uuid()]).await?;
    Ok(row.as_ref().map(Credentials::from))
}

/// Whether the user still has the hash that a password was verified with. Locks the user's row until the transaction ends:
/// no other password is set meanwhile, and whoever sets one afterwards also ends the session that this transaction begins.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn lock_verified(
    transaction: &Transaction<'_>,
    user: UserId,
    hash: &SecretString,
) -> Result<bool, DbError> {
    // Waits for whoever is setting another password, and then compares again.
    let statement = transaction
        .prepare_cached(
            "SELECT FROM users WHERE id = $1 AND password_hash = $2 AND erased_at IS NULL FOR NO KEY UPDATE",
        )
        .await?;
    let row = transaction
        .query_opt(&statement, &[&user.as_uuid(), &hash.expose_secret()])
        .await?;
    Ok(row.is_some())
}

/// Like [`lock_verified`], without a lock. The transaction must be at `SERIALIZABLE` and change the user: a password that is
/// set meanwhile then makes it fail.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn is_verified(
    transaction: &Transaction<'_>,
    user: UserId,
    hash: &SecretString,
) -> Result<bool, DbError> {
    let statement = transaction
        .prepare_cached("SELECT FROM users WHERE id = $1 AND password_hash = $2")
        .await?;
    let row = transaction
        .query_opt(&statement, &[&user.as_uuid(), &hash.expose_secret()])
        .await?;
    Ok(row.is_some())
}

/// Sets the hash of a user's password. Returns whether the user exists and is not erased.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn set_password_hash(
    client: &impl GenericClient,
    user: UserId,
    hash: &SecretString,
) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached("UPDATE users SET password_hash = $2 WHERE id = $1 AND erased_at IS NULL")
        .await?;
    let updated = client
        .execute(&statement, &[&user.as_uuid(), &hash.expose_secret()])
        .await?;
    Ok(updated == 1)
}

/// Replaces the hash of a password that stays the same, unless another one was set meanwhile. Returns whether it is
/// replaced.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn rehash(
    client: &impl GenericClient,
    user: UserId,
    old: &SecretString,
    new: &SecretString,
) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached("UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2")
        .await?;
    let updated = client
        .execute(
            &statement,
            &[&user.as_uuid(), &old.expose_secret(), &new.expose_secret()],
        )
        .await?;
    Ok(updated == 1)
}

/// Returns the role of a user. One that this version does not know has the least rights.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn role(client: &impl GenericClient, user: UserId) -> Result<Role, DbError> {
    let statement = client
        .prepare_cached("SELECT role FROM users WHERE id = $1")
        .await?;
    let row = client.query_opt(&statement, &[&user.as_uuid()]).await?;
    let role = row.and_then(|row| row.get::<_, &str>(0).parse().ok());
    Ok(role.unwrap_or_default())
}
