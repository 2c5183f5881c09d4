//! RabbitMQ: what is declared there, how messages look on the way, and the publisher whose every
//! success the broker has confirmed.

/// The AMQP library's name in the targets of its log lines.
pub const CLIENT_LIBRARY: &str = "lapin";

mod addresses;
mod backoff;
mod connection;
mod connector;
mod consumer;
mod dead_letter_queue;
mod dead_letters;
mod declare;
mod depth;
mod destination;
mod envelope;
mod frame_size;
mod greeting;
pub mod header;
mod message;
mod plain;
mod publish_error;
mod publisher;
mod settings;
mod thread_stack;
mod topology;
mod unreadable;
mod wait_time;

/// The AMQP library itself, for measurements and tests.
#[cfg(feature = "raw")]
pub use lapin as raw;

pub use addresses::{Address, Addresses, InvalidAddresses};
pub use backoff::Backoff;
pub use connection::{ConnectError, NodeError, connect};
pub use connector::OpenError;
pub use consumer::{
    ConsumeError, ConsumerChannel, ConsumerConnection, ConsumerConnections, Settlement,
};
pub use dead_letter_queue::{DeadLetterQueue, ReadError};
pub use dead_letters::DeadLetter;
pub use declare::{DeclareError, declare, queue_depth};
pub use depth::Depths;
pub use destination::Destination;
pub use envelope::Envelope;
pub use greeting::{GreetingError, server_version};
pub use message::{Failure, Outgoing, Router};
pub use plain::plain;
pub use publish_error::PublishError;
pub use publisher::Publisher;
pub use settings::{BrokerSettings, MaxRetries, Names};
pub use thread_stack::{THREAD_STACK_SIZE, ensure_thread_stack_size};
pub use topology::{Binding, Exchange, Kind, Queue, Topology};
pub use unreadable::{first_is_unreadable, is_unreadable, unreadable_remedy};
pub use wait_time::WaitTime;
