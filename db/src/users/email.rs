use tidings_domain::content::EmailAddress;
use tidings_domain::notification::UserId;

use super::taken::Unique;
use crate::GenericClient;
use crate::error::DbError;

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

/// Sets a user's address, or removes it. The address counts as verified, unless the transaction sets contacts of a user with
/// a credential of its own: a new address then does not, and the same one stays as it is. PostgreSQL aborts the surrounding transaction on
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
        .prepare_cached(
            "UPDATE users SET email = $2, email_verified = email_verified OR contact_is_trusted() WHERE id = $1",
        )
        .await?;
    let email = email.map(EmailAddress::as_str);
    match client.execute(&statement, &[&user.as_uuid(), &email]).await {
        Ok(0) => Ok(SetEmailResult::UnknownUser),
        Ok(_) => Ok(SetEmailResult::Updated),
        Err(error) => match Unique::violated(&error) {
            Some(Unique::Email) => Ok(SetEmailResult::AddressTaken),
            _ => Err(error.into()),
        },
    }
}
