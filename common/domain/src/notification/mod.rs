//! The notification: its ids, channel, status and wire form.

mod channel;
mod fingerprint;
mod group;
mod idempotency;
mod ids;
mod status;
mod storable;
mod wire;

pub use channel::{Channel, DeliveredChannel, PerChannel, UnknownChannel};
pub use fingerprint::{Fingerprint, GivenNotification};
pub use group::{GroupKey, InvalidGroupKey};
pub use idempotency::{IdempotencyKey, InvalidIdempotencyKey};
pub use ids::{DigestId, KeyNamespace, MessageId, ScheduleId, UserId};
pub use status::{Phase, Status, UnknownStatus};
pub use storable::payload_problem;
pub use wire::{DecodeError, DeliveryKind, DeliveryRequest, Notification};
