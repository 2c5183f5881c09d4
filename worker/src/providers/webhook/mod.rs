//! Webhooks, signed according to [Standard Webhooks](https://www.standardwebhooks.com/). Anyone may run a
//! receiver, so no receiver is trusted, and each destination has a state of its own.

mod kept_connections;
mod resolver;
mod response;
mod sender;
mod settings;
mod signature;

pub use resolver::{Lookup, SystemLookup};
pub use sender::WebhookSender;
pub use settings::WebhookSettings;
pub use signature::{InvalidSecret, SigningSecret};
