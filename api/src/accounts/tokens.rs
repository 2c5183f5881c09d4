use std::fmt;
use std::time::Duration;

use secrecy::SecretString;
use tidings_db::credentials::Credentials;
use tidings_domain::notification::UserId;

/// The tokens of a session.
#[derive(Clone)]
pub struct TokenPair {
    /// A JWT for `Authorization: Bearer`.
    pub access_token: SecretString,
    /// Gets the next pair, once.
    pub refresh_token: SecretString,
    /// How long the access token is valid.
    pub expires_in: Duration,
}

impl fmt::Debug for TokenPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenPair")
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

/// A user with an account.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountUser {
    /// The id.
    pub id: UserId,
    /// The e-mail address.
    pub email: Option<String>,
    /// The name.
    pub username: String,
}

impl fmt::Debug for AccountUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountUser")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl From<Credentials> for AccountUser {
    fn from(row: Credentials) -> Self {
        Self {
            id: row.user,
            email: row.email,
            username: row.username,
        }
    }
}

/// A user who has just logged in.
#[derive(Clone, Debug)]
pub struct LoggedIn {
    /// The user.
    pub user: AccountUser,
    /// The tokens of the new session.
    pub tokens: TokenPair,
}
