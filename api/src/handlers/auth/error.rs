use crate::accounts::AccountError;
use crate::error::{ApiError, ErrorDetail};
use crate::handlers::users::role::last_admin;
use crate::handlers::users::taken::taken;

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        let (code, message) = (error.code(), error.to_string());
        match error {
            AccountError::Off | AccountError::NotFound => Self::absent(code, message),
            AccountError::InvalidCredentials | AccountError::InvalidRefreshToken => {
                Self::refused(code, message)
            }
            AccountError::TooManyAttempts { retry_after } => {
                Self::too_many(code, message, retry_after)
            }
            AccountError::Deleting { due_at } => Self {
                details: vec![ErrorDetail::new("dueAt", due_at.to_string())],
                ..Self::not_allowed(code, message)
            },
            AccountError::LastAdmin => last_admin(),
            AccountError::Busy => Self::unavailable(
                code,
                &message,
                "ARGON2_CONCURRENCY passwords are being hashed",
            ),
            AccountError::RegistrationClosed
            | AccountError::InvalidInvite
            | AccountError::RoleRequired => Self::not_allowed(code, message),
            AccountError::Taken(fields) => taken(fields),
            AccountError::InvalidCode
            | AccountError::InvalidResetToken
            | AccountError::ChannelOff => Self::bad_request(code, message, Vec::new()),
            AccountError::Database(error) => error.into(),
            AccountError::Internal(cause) => Self::internal(cause),
        }
    }
}
