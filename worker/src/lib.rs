//! The worker: takes messages from RabbitMQ, records them in PostgreSQL, and delivers them.
//!
//! [`consumer`] moves messages and knows no kind of work; [`intake`] and [`delivery`] are kinds of work
//! and know no loop; [`providers`] reach the outside world and know neither.

pub mod app;
mod connectivity;
pub mod consumer;
mod consumers;
pub mod delivery;
pub mod intake;
mod probes;
pub mod providers;
mod schema;
pub mod settings;
pub mod stages;
