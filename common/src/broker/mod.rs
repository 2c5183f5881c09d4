//! RabbitMQ: what is declared there, how messages look on the way, and the publisher whose every
//! success the broker has confirmed.

mod connection;
mod dead_letters;
mod declare;
mod depth;
mod message;
mod publisher;
mod session;
mod topology;

pub use connection::{Backoff, ConnectError, connect};
pub use dead_letters::{DeadLetter, DeadLetterQueue};
pub use declare::{DeclareError, declare, queue_depth};
pub use depth::Depths;
pub use message::{Destination, Failure, Outgoing, Router, WaitTime, header};
pub use publisher::{PublishError, Publisher};
pub use topology::{Binding, Exchange, Kind, Queue, Topology};
