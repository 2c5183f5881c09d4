//! Consumes queues: the connections for it, and a channel for each consumer.

mod channel;
mod connections;

pub use channel::{ConsumeError, ConsumerChannel, OpenConsumerError, Settlement};
pub use connections::{ConsumerConnection, ConsumerConnections};
