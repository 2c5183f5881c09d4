//! Authentication by JWT, and authorization by scopes.

mod allowed_users;
mod caller;
mod claims;
mod invalid_token;
mod settings;
mod token_cache;
mod verifier;

pub use allowed_users::AllowedUsers;
pub use caller::Caller;
pub use invalid_token::InvalidToken;
pub use settings::AuthSettings;
pub use verifier::Verifier;
