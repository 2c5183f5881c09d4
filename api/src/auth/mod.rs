//! Authentication by JWT, and authorization by scopes.

mod caller;
mod claims;
mod invalid_token;
mod scopes;
mod settings;
mod token_cache;
mod verifier;

pub use caller::Caller;
pub use invalid_token::InvalidToken;
pub use scopes::{Access, AllowedUsers};
pub use settings::AuthSettings;
pub use verifier::Verifier;
