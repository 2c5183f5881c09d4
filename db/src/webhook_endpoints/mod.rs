//! The table `webhook_endpoints`.
//!
//! Also `endpoint_hours`: how each endpoint fares. The API shows a [`WebhookEndpointRow`], which has no secrets; deliveries are signed with a
//! [`SigningEndpoint`].

mod health;
mod read;
mod resealing;
mod signing;
mod write;

pub use health::{EndpointHealth, count_attempts, delete_old_hours, health};
pub use read::{EndpointFilter, EndpointState, WebhookEndpointRow, find, list};
pub use resealing::{SecretCounts, SecretPage, any_exist, count, inspect_secrets, reseal_secrets};
pub use signing::{KEEP_PREVIOUS_SECRET, SigningEndpoint, list_enabled, rotate_secret};
pub use write::{EndpointChanges, MAX_PER_USER, NewEndpoint, delete, disable, insert, update};
