use std::collections::HashMap;
use std::fmt;

use tidings_domain::notification::UserId;
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;

/// The e-mail address of a user who can log in.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountEmail {
    /// The address.
    pub email: Option<String>,
    /// Whether notifications go to it.
    pub is_verified: bool,
    /// The language of the user.
    pub locale: Option<String>,
    /// The name of the user.
    pub username: String,
}

/// Logs must not contain names and addresses.
impl fmt::Debug for AccountEmail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountEmail")
            .field("is_verified", &self.is_verified)
            .finish_non_exhaustive()
    }
}

/// Returns the addresses of those of `users` who have a password and are not erased.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn account_emails(
    client: &impl GenericClient,
    users: &[UserId],
) -> Result<HashMap<UserId, AccountEmail>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT id, email, email_verified, locale, username FROM users
             WHERE id = ANY($1) AND password_hash IS NOT NULL AND erased_at IS NULL",
        )
        .await?;
    let ids: Vec<Uuid> = users.iter().map(|id| id.as_uuid()).collect();
    let rows = client.query(&statement, &[&ids]).await?;
    let found = rows.iter().map(|row| {
        let email = AccountEmail {
            email: row.get(1),
            is_verified: row.get(2),
            locale: row.get(3),
            username: row.get(4),
        };
        (UserId::from(row.get::<_, Uuid>(0)), email)
    });
    Ok(found.collect())
}
