//! Wakes: hints that the inboxes of users have changed. A wake may be lost, because the API also looks by itself.
//!
//! They are published without a confirm, to a fanout exchange. Each API that has a stream consumes them from an exclusive
//! queue of its own. Without a queue, the broker drops them.

mod body;
mod consumer;
mod publisher;

pub use consumer::{WakeConsumer, WakeError};
pub use publisher::WakePublisher;
