//! A small client for AMQP 0-9-1, for the two things that the pipeline does all the time: publishing
//! with confirms, and consuming with acknowledgements. For everything else there is lapin.
//!
//! A connection is one task, which reads and writes, and a piece of shared state under a short lock.
//! Whoever publishes or acknowledges appends frames to a buffer there and wakes the task only where it
//! sleeps; the task writes at once what has gathered, and hands over at once what one reading
//! brought.

mod channel;
mod confirms;
mod connection;
mod consume;
mod content;
mod dispatch;
mod error;
mod frame;
mod handshake;
mod input;
mod io;
mod method;
mod parser;
mod properties;
mod publish;
mod reader;
mod shared;
mod table;
#[cfg(test)]
mod tests;
mod writer;

pub use channel::Channel;
pub use connection::Connection;
pub use consume::Deliveries;
pub use error::Error;
pub use parser::Delivery;
pub(super) use publish::{Confirmation, PublishingChannel};
pub use shared::Status;
