use secrecy::ExposeSecret;
use serde::Serialize;
use tidings_domain::notification::UserId;
use utoipa::ToSchema;

use crate::accounts::{LoggedIn, TokenPair};

/// The user of an account.
#[derive(Serialize, ToSchema)]
#[schema(as = AccountUser)]
pub struct AccountUserView {
    /// The id, which a notification's `targetUserId` names.
    #[schema(value_type = uuid::Uuid)]
    id: UserId,
    /// The e-mail address.
    #[schema(example = "anna@example.com")]
    email: Option<String>,
    /// The name.
    #[schema(example = "anna")]
    username: String,
}

/// A user who has logged in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LoggedIn)]
pub struct LoggedInView {
    /// The user.
    user: AccountUserView,
    /// A token for `Authorization: Bearer`.
    access_token: String,
    /// Gets the next pair of tokens, once.
    #[schema(example = "tdr_…")]
    refresh_token: String,
    /// For how many seconds the access token is valid.
    #[schema(example = 900)]
    expires_in: u64,
}

/// The next pair of tokens.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Tokens)]
pub struct TokensView {
    /// A token for `Authorization: Bearer`.
    access_token: String,
    /// Gets the next pair of tokens, once.
    #[schema(example = "tdr_…")]
    refresh_token: String,
    /// For how many seconds the access token is valid.
    #[schema(example = 900)]
    expires_in: u64,
}

impl From<TokenPair> for TokensView {
    fn from(tokens: TokenPair) -> Self {
        Self {
            access_token: tokens.access_token.expose_secret().to_owned(),
            refresh_token: tokens.refresh_token.expose_secret().to_owned(),
            expires_in: tokens.expires_in.as_secs(),
        }
    }
}

impl From<LoggedIn> for LoggedInView {
    fn from(logged_in: LoggedIn) -> Self {
        let LoggedIn { user, tokens } = logged_in;
        let TokensView {
            access_token,
            refresh_token,
            expires_in,
        } = tokens.into();
        Self {
            user: AccountUserView {
                id: user.id,
                email: user.email,
                username: user.username,
            },
            access_token,
            refresh_token,
            expires_in,
        }
    }
}
