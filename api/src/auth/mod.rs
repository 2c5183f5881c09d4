//! Who calls, and what they may do.

mod caller;
mod remembered;
mod scopes;
mod settings;
mod verifier;

pub use caller::Caller;
pub use scopes::{Access, Readable};
pub use settings::AuthSettings;
pub use verifier::Verifier;
