//! Authentication by JWT, and authorization by scopes.

mod caller;
mod scopes;
mod settings;
mod token_cache;
mod verifier;

pub use caller::Caller;
pub use scopes::{Access, AllowedUsers};
pub use settings::AuthSettings;
pub use verifier::Verifier;
