//! RabbitMQ: the topology, the messages, publishing with confirms, and consuming. Only this crate uses lapin.

/// The AMQP library's name in the targets of its log lines.
pub const CLIENT_LIBRARY: &str = "lapin";

mod addresses;
mod backoff;
mod binding_check;
mod connection;
mod connection_metrics;
mod connector;
mod consumer;
mod dead_letter_queue;
mod dead_letter_sweep;
mod dead_letters;
mod declare;
mod depth;
mod drift;
mod envelope;
mod event;
mod frame_size;
pub mod header;
mod ladders;
mod letter_parts;
mod management;
mod message;
mod policies;
mod protocol_probe;
mod publish_error;
mod publisher;
mod settings;
mod spans;
mod stage;
mod table_json;
mod thread_stack;
mod topology;
mod trace_headers;
mod unreadable;
mod unrouted;
mod wait_time;
mod waits_for;
mod wakes;

/// The AMQP library itself, for measurements and tests.
#[cfg(feature = "raw")]
pub use lapin as raw;

pub use addresses::{Address, Addresses, InvalidAddresses};
pub use backoff::Backoff;
pub use connection::{ConnectError, NodeError, connect, disconnect};
pub use connector::OpenError;
pub use consumer::{
    ConsumeError, ConsumerChannel, ConsumerConnection, ConsumerConnections, OpenConsumerError,
    Settlement,
};
pub use dead_letter_queue::{DeadLetterQueue, ReadError};
pub use dead_letter_sweep::{
    DeadLetterAges, DeadLetterSubject, DeadLetterSweep, DeadLetterSweepError, sweep_dead_letters,
};
pub use dead_letters::{BodySensitivity, DeadLetter};
pub use declare::{
    DeclareError, Declared, QueueCounts, consumer_count, declare, missing, queue_depth,
};
pub use depth::{Depths, QueueKind, QueueStatus, queue_statuses};
pub use drift::{Drift, drift};
pub use envelope::{Envelope, NotText};
pub use event::EventKind;
pub use ladders::{
    ExistingLadder, LadderRemoval, RemoveLadderError, find_ladder, list_ladders, remove_ladder,
};
pub use letter_parts::LetterParts;
pub use management::{Definitions, ExistingQueue, Management, ManagementError, QueueTotal};
pub use message::{Failure, MessageFactory, Outgoing};
pub use policies::{HarmfulPolicy, harmful_policies, warn_of_harmful_policies};
pub use protocol_probe::{ProbeError, server_version};
pub use publish_error::PublishError;
pub use publisher::Publisher;
pub use settings::{
    BrokerSettings, MaxRetries, TopologyNames, check_room_for_message, largest_message,
};
pub use stage::Stage;
pub use table_json::table_json;
pub use thread_stack::{THREAD_STACK_SIZE, ensure_thread_stack_size};
pub use topology::{Binding, Exchange, ExchangeType, Queue, Topology};
pub use unreadable::{first_is_unreadable, is_unreadable, unreadable_remedy};
pub use wait_time::WaitTime;
pub use waits_for::{InvalidWaitKey, WaitKey, WaitsFor};
pub use wakes::{WakeConsumer, WakeError, WakePublisher};
