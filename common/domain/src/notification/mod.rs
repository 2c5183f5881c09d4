//! A notification, the names it goes by, and the form in which it travels through the broker.

mod channel;
mod idempotency;
mod ids;
mod status;
mod storable;
mod wire;

pub use channel::{Channel, DeliveredChannel, PerChannel, UnknownChannel};
pub use idempotency::{IdempotencyKey, InvalidIdempotencyKey};
pub use ids::{MessageId, UserId};
pub use status::{Status, UnknownStatus};
pub use storable::payload_problem;
pub use wire::{DecodeError, DeliveryRequest, Notification, WIRE_VERSION};
