//! The links by which recipients unsubscribe with one click ([RFC 8058]).
//!
//! A link is `{PUBLIC_URL}/u/{token}`. The token says who does not want what on which channel, and is signed, so that no table
//! knows it and it never expires. The worker makes links, the API reads them.
//!
//! [RFC 8058]: https://www.rfc-editor.org/rfc/rfc8058

mod links;
mod secrets;
mod settings;
mod target;
#[cfg(test)]
mod tests;

pub use links::{MAX_TOKEN, UnsubscribeLinks};
pub use secrets::{SecretsError, UnsubscribeSecrets};
pub use target::{InvalidToken, LinkTarget};
pub use tidings_domain::link_rule::LinkRule;
