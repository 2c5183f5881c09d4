//! The egress policy: webhooks may go to the public internet, and to what the operator allows in addition.
//!
//! Without it, a client that may send to any URL could reach servers that only the worker can reach. Nothing in this
//! crate does I/O. Tidings checks a URL when it accepts the URL and again before each request. It checks the addresses
//! of a name when it resolves the name for the connection itself, so that the DNS cannot change between the check and
//! the connection.

mod allowed;
mod names;
mod policy;
mod public;

pub use policy::{AddressScope, DisallowedUrl, EgressPolicy};
