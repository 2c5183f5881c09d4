//! The worker: takes messages from RabbitMQ and records them in PostgreSQL.
//!
//! [`consumer`] moves messages and knows no kind of work; [`intake`] is a kind of work and knows no
//! loop.

pub mod app;
pub mod consumer;
pub mod intake;
mod links;
mod probes;
pub mod providers;
mod schema;
pub mod settings;
