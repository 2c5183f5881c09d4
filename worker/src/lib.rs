//! The worker: consumes messages from RabbitMQ, records them in PostgreSQL and delivers them.
//!
//! [`consumer`] consumes the queues and knows no stage. [`intake`] and [`delivery`] are the stages and know no
//! consumer. [`events`] translates what other programs publish.
//! [`providers`] send messages and know neither. [`scheduler`] publishes what was scheduled.

pub mod app;
mod connectivity;
pub mod consumer;
mod consumers;
mod dead_letters;
pub mod delivery;
mod endpoint_secrets_check;
pub mod events;
pub mod intake;
mod jobs;
mod metrics_export;
mod probe_requests;
mod probes;
pub mod providers;
pub mod retention;
pub mod scheduler;
mod schema;
mod sending_stops;
pub mod settings;
pub mod stages;
