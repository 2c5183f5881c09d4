//! What callers may do.

mod role;
mod scope;
mod scopes;

pub use role::{Role, UnknownRole};
pub use scope::{Scope, UnknownScope};
pub use scopes::Scopes;
