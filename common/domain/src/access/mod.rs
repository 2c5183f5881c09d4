//! What callers may do, and API keys.

mod api_key;
mod role;
mod scope;
mod scopes;

pub use api_key::{ApiKey, ApiKeyId, InvalidApiKey, InvalidApiKeyId, SecretHash};
pub use role::{Role, UnknownRole};
pub use scope::{Scope, UnknownScope};
pub use scopes::Scopes;
