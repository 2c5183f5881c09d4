use std::time::Duration;

use jiff::Timestamp;
use tidings_db::DbError;
use tidings_db::users::TakenFields;

/// Why an account request is refused or has failed. No variant contains a secret or a contact.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// `ACCOUNTS` is off.
    #[error("Accounts are off")]
    Off,
    /// The user or the password is wrong, which of the two is not said.
    #[error("The user or the password is wrong")]
    InvalidCredentials,
    /// Too many attempts have failed.
    #[error("Too many attempts; try again later")]
    TooManyAttempts {
        /// When to try again.
        retry_after: Duration,
    },
    /// The user has asked for the deletion of the account.
    #[error("The account is to be deleted on {due_at}")]
    Deleting {
        /// When the erasure may begin.
        due_at: Timestamp,
    },
    /// The user is neither an operator nor an admin.
    #[error("Only users with the role operator or admin may log in to the dashboard")]
    RoleRequired,
    /// The user is the only admin.
    #[error("No other user is an admin; give another user the role first")]
    LastAdmin,
    /// Too many passwords are being hashed.
    #[error("Too many logins are under way; try again")]
    Busy,
    /// `REGISTRATION` is off, or needs an invitation.
    #[error("Registration is closed, or needs an invitation")]
    RegistrationClosed,
    /// The invitation is unknown, expired, used, or for another address.
    #[error("The invitation is not valid")]
    InvalidInvite,
    /// Another user has the name or the address.
    #[error("Another user has this name or e-mail address")]
    Taken(TakenFields),
    /// The refresh token is not valid, or its session has ended.
    #[error("The refresh token is not valid")]
    InvalidRefreshToken,
    /// The code is wrong or expired, or there were too many tries.
    #[error("The code is not valid; ask for another one")]
    InvalidCode,
    /// The token to set a new password is wrong, expired or used.
    #[error("The token is not valid; ask for another one")]
    InvalidResetToken,
    /// No provider is configured for the contact.
    #[error("No provider is configured for this kind of contact")]
    ChannelOff,
    /// There is no such session, user or contact.
    #[error("There is nothing with this id")]
    NotFound,
    /// PostgreSQL.
    #[error(transparent)]
    Database(#[from] DbError),
    /// Something that should not happen.
    #[error("{0}")]
    Internal(&'static str),
}

impl AccountError {
    /// The stable code for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Off => "accounts_off",
            Self::InvalidCredentials => "invalid_credentials",
            Self::TooManyAttempts { .. } => "too_many_attempts",
            Self::Deleting { .. } => "account_deleting",
            Self::RoleRequired => "role_required",
            Self::LastAdmin => "last_admin",
            Self::Busy => "busy",
            Self::RegistrationClosed => "registration_closed",
            Self::InvalidInvite => "invalid_invite",
            Self::Taken(TakenFields {
                username: false, ..
            }) => "email_taken",
            Self::Taken(_) => "username_taken",
            Self::InvalidRefreshToken => "invalid_refresh_token",
            Self::InvalidCode => "invalid_code",
            Self::InvalidResetToken => "invalid_reset_token",
            Self::ChannelOff => "channel_not_configured",
            Self::NotFound => "not_found",
            Self::Database(_) => "database_unavailable",
            Self::Internal(_) => "internal_error",
        }
    }
}
