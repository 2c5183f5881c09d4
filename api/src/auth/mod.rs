//! Authentication by JWT or API key, and authorization by scopes.

mod allowed_users;
mod authentication;
mod caller;
mod claims;
mod credential;
mod invalid_token;
pub mod keys;
mod settings;
mod token_cache;
mod verifier;

pub use allowed_users::AllowedUsers;
pub use authentication::authenticate;
pub use caller::Caller;
pub use credential::X_API_KEY;
pub use invalid_token::InvalidToken;
pub use settings::AuthSettings;
pub use verifier::Verifier;
