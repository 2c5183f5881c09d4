//! Where webhooks may go: to the public internet, and to what the operator allows besides.
//!
//! Whoever may send to any URL could otherwise make the worker talk to what only the worker can reach.
//! Everything here is pure. A URL is checked when it is taken and again before each request; the
//! addresses of a name are judged where it is resolved for the connection itself, so that no answer of
//! the DNS can change between the check and the connection.

mod allowed;
mod names;
mod policy;
mod public;

pub use policy::{EgressPolicy, Reach, Refusal};
