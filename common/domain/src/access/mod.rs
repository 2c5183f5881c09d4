//! What callers may do, and API keys.

mod api_key;
mod dashboard_role;
mod dashboard_token;
mod key_name;
mod role;
mod scope;
mod scopes;
mod session_id;

pub use api_key::{ApiKey, ApiKeyId, InvalidApiKey, InvalidApiKeyId, SecretHash};
pub use dashboard_role::{DashboardRole, UnknownDashboardRole};
pub use dashboard_token::{DashboardLinkToken, DashboardSessionToken, InvalidDashboardToken};
pub use key_name::{InvalidKeyName, KeyName};
pub use role::{Role, UnknownRole};
pub use scope::{Scope, UnknownScope};
pub use scopes::Scopes;
pub use session_id::SessionId;
