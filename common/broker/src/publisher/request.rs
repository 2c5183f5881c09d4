use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::message::Outgoing;
use crate::publish_error::PublishError;

/// A message on its way to the task that publishes.
pub(super) struct Request {
    pub(super) message: Outgoing,
    /// Receives the result. The message is published even if the receiver is gone.
    pub(super) reply: oneshot::Sender<Result<(), PublishError>>,
    /// Counts towards the limits of publishes in flight until the message is confirmed.
    pub(super) permit: OwnedSemaphorePermit,
    /// The batch that the message belongs to. Messages of one batch share a channel, which keeps their
    /// order: of two messages with one id, the first must be recorded.
    pub(super) batch: Option<usize>,
}
