//! Webhooks, signed as [Standard Webhooks](https://www.standardwebhooks.com/) says, to receivers that
//! anybody may run: each answers for itself, and none is trusted.

mod outcome;
mod resolver;
mod sender;
mod settings;
mod signature;

pub use resolver::{Lookup, SystemLookup};
pub use sender::WebhookSender;
pub use settings::WebhookSettings;
pub use signature::{InvalidSecret, SigningSecret};
