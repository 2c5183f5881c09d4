//! The table `webhook_endpoints`.
//!
//! The API shows a [`WebhookEndpointRow`], which has no secrets; deliveries are signed with a
//! [`SigningEndpoint`].

mod read;
mod resealing;
mod signing;
mod write;

pub use read::{WebhookEndpointRow, find, list};
pub use resealing::{SecretCounts, SecretPage, any_exist, count, inspect_secrets, reseal_secrets};
pub use signing::{SigningEndpoint, list_enabled, rotate_secret};
pub use write::{EndpointChanges, MAX_PER_USER, NewEndpoint, delete, disable, insert, update};
