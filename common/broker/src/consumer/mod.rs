//! Consumes queues: the connections for it, and a channel for each consumer.

mod channel;
mod connections;

pub use channel::{ConsumeError, ConsumerChannel, Settlement};
pub use connections::{ConsumerConnection, ConsumerConnections};
