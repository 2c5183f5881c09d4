//! The table `webhook_endpoints`.
//!
//! People see a [`Row`], which has no secrets; whoever signs takes an [`Endpoint`].

mod read;
mod signing;
mod write;

pub use read::{Row, find, list};
pub use signing::{Endpoint, enabled_of, find_of, rotate};
pub use write::{Changes, MAX_PER_USER, NewEndpoint, delete, disable, insert, update};
