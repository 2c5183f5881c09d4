use std::collections::{HashMap, HashSet};

use tidings_domain::content::EmailAddress;
use tidings_domain::notification::UserId;
use uuid::Uuid;

use super::UserRow;
use super::row::COLUMNS;
use crate::GenericClient;
use crate::error::DbError;

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
    let rows = client.query(&statement, &[&uuids(ids)]).await?;
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
/// the other. Returns whether the user exists and is not erased. Does not block other inserts that refer to the user: their
/// foreign keys take a weaker lock.
///
/// # Errors
///
/// Returns the error of the query.
pub(crate) async fn lock(client: &impl GenericClient, user: UserId) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached("SELECT FROM users WHERE id = $1 AND erased_at IS NULL FOR NO KEY UPDATE")
        .await?;
    let row = client.query_opt(&statement, &[&user.as_uuid()]).await?;
    Ok(row.is_some())
}

/// Like [`lock`], for many users. Returns whether one of them exists.
///
/// # Errors
///
/// Returns the error of the query.
pub(super) async fn lock_all(
    client: &impl GenericClient,
    users: &[UserId],
) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached("SELECT FROM users WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE")
        .await?;
    let locked = client.query(&statement, &[&uuids(users)]).await?;
    Ok(!locked.is_empty())
}

/// Finds users by their ids, in no particular order. Leaves out those who are erased.
///
/// # Errors
///
/// Returns the error of the query.
pub(super) async fn find_all(
    client: &impl GenericClient,
    users: &[UserId],
) -> Result<Vec<UserRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM users WHERE id = ANY ($1) AND erased_at IS NULL");
    let statement = client.prepare_cached(&sql).await?;
    let rows = client.query(&statement, &[&uuids(users)]).await?;
    Ok(rows.iter().map(UserRow::from).collect())
}

fn uuids(users: &[UserId]) -> Vec<Uuid> {
    users.iter().map(|id| id.as_uuid()).collect()
}

/// Finds a user by the id.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn find(client: &impl GenericClient, user: UserId) -> Result<Option<UserRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM users WHERE id = $1");
    let statement = client.prepare_cached(&sql).await?;
    let row = client.query_opt(&statement, &[&user.as_uuid()]).await?;
    Ok(row.as_ref().map(UserRow::from))
}

/// Finds the user with an e-mail address, however the address is stored.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn find_by_email(
    client: &impl GenericClient,
    email: &EmailAddress,
) -> Result<Option<UserRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM users WHERE normal_email(email) = normal_email($1)");
    let statement = client.prepare_cached(&sql).await?;
    let row = client.query_opt(&statement, &[&email.as_str()]).await?;
    Ok(row.as_ref().map(UserRow::from))
}

/// Returns the ids of the users with these e-mail addresses, by address, however the addresses are stored. An address that
/// no user has is left out.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn ids_by_email(
    client: &impl GenericClient,
    emails: &[&EmailAddress],
) -> Result<HashMap<String, UserId>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT wanted.email, users.id FROM unnest($1::text[]) AS wanted (email)
             JOIN users ON normal_email(users.email) = normal_email(wanted.email)",
        )
        .await?;
    let emails: Vec<&str> = emails.iter().map(|email| email.as_str()).collect();
    let rows = client.query(&statement, &[&emails]).await?;
    let users = rows.iter().map(|row| {
        let id: Uuid = row.get(1);
        (row.get(0), UserId::from(id))
    });
    Ok(users.collect())
}
