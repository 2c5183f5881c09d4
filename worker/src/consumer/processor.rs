use tidings_broker::{Envelope, Failure};
use tidings_db::{DbError, DbErrorKind};
use tidings_domain::notification::Channel;

use super::{MessageOutcome, Place};

/// Processes the messages of a consumer.
pub trait BatchProcessor: Send + Sync + 'static {
    /// Processes a batch. Returns one outcome for each message, in the order of the batch. `place` can be released before
    /// the end, so that the next batch starts.
    ///
    /// May be called again with the same messages, or with some of them, at any later time, so processing a
    /// message twice must be harmless.
    ///
    /// # Errors
    ///
    /// Fails if the messages are not known to be the cause. The consumer then holds them and tries again.
    fn process(
        &self,
        batch: &[Envelope],
        place: &Place,
    ) -> impl Future<Output = Result<Vec<MessageOutcome>, ProcessError>> + Send;

    /// A message returns to its queue, because processing it has failed for too long. The same delivery of it is not
    /// processed again.
    fn given_back(&self, _message: &Envelope) {}

    /// Defers a message without processing it. Called for each message when it arrives, so it must be quick. Returns
    /// `MessageOutcome::Defer`, or `None` if the message must be processed.
    fn defer_at_once(&self, _message: &Envelope) -> Option<MessageOutcome> {
        None
    }

    /// The channel of the notification in a message, if it is known. Asked when a message is counted that was not simply
    /// processed.
    fn channel_of(&self, _message: &Envelope) -> Option<Channel> {
        None
    }

    /// Records that a message failed for good. The broker has confirmed its dead letter, which contains
    /// `failure`.
    ///
    /// # Errors
    ///
    /// Fails if the record cannot be written. The consumer then tries again.
    fn record_dead_letter(
        &self,
        message: &Envelope,
        failure: &Failure,
    ) -> impl Future<Output = Result<(), ProcessError>> + Send;

    /// Whether the servers that the processor needs respond. Distinguishes a server that is down from messages
    /// that a server cannot process.
    fn servers_respond(&self) -> impl Future<Output = bool> + Send;
}

/// A batch could not be processed, for a reason that is not known to be one of its messages. The variants
/// correspond to those of [`DbErrorKind`].
#[derive(Clone, Debug, thiserror::Error)]
pub enum ProcessError {
    /// A server is unavailable or overloaded, or another transaction conflicts: the messages are not the cause.
    /// Never uses up an attempt.
    #[error("{0}")]
    Environment(String),
    /// The messages can be the cause. If the error repeats for a single message while the servers respond, that
    /// message has failed.
    #[error("{0}")]
    Unclear(String),
}

impl From<DbError> for ProcessError {
    fn from(error: DbError) -> Self {
        match error.kind() {
            // PostgreSQL refused data unexpectedly. If the error repeats for a single message, that message
            // has failed.
            DbErrorKind::Unclear | DbErrorKind::InvalidData | DbErrorKind::MissingReference => {
                Self::Unclear(error.to_string())
            }
            DbErrorKind::Environment => Self::Environment(error.to_string()),
        }
    }
}
