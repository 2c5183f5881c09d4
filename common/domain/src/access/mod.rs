//! What callers may do, and API keys.

mod api_key;
mod key_name;
mod role;
mod scope;
mod scopes;
mod session_id;

pub use api_key::{ApiKey, ApiKeyId, InvalidApiKey, InvalidApiKeyId, SecretHash};
pub use key_name::{InvalidKeyName, KeyName};
pub use role::{Role, UnknownRole};
pub use scope::{Scope, UnknownScope};
pub use scopes::Scopes;
pub use session_id::SessionId;
