//! The gRPC API: a second door to the same functions as HTTP. Messages become the JSON that a client of the HTTP API would
//! send, so that validation, fingerprints, limits and errors cannot differ.
//!
//! [`server`] owns connections, [`call`] what every call has in common, and each service has a module of its own.

mod call;
mod health;
mod notifications;
mod reflection;
mod server;
mod settings;
mod status;
mod users;

pub use server::{GrpcListener, GrpcServer};
pub use settings::GrpcSettings;
