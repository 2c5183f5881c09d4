use secrecy::{ExposeSecret, SecretString};
use tidings_proto::user::User;

use crate::accounts::AccountUser;

/// The message for a user.
pub fn user(user: AccountUser) -> User {
    User {
        id: user.id.to_string(),
        email: user.email.unwrap_or_default(),
        username: user.username,
    }
}

/// The text of a token, for the client that it is for.
pub fn token(token: &SecretString) -> String {
    token.expose_secret().to_owned()
}
