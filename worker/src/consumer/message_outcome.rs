use jiff::Timestamp;
use tidings_broker::{Failure, WaitTime, WaitsFor};

/// The outcome of processing one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageOutcome {
    /// The message is processed.
    Done,
    /// The message failed and may succeed later. Uses up an attempt.
    Retry(Failure),
    /// The message can never succeed.
    DeadLetter(Failure),
    /// The message did not fail, but cannot be processed yet. It comes back with the same attempt.
    Defer {
        /// How long the message stays in a wait queue.
        wait: WaitTime,
        /// The earliest time to process the message, if known.
        not_before: Option<Timestamp>,
        /// What the message waits for, as far as is known.
        waits_for: WaitsFor,
    },
}

impl MessageOutcome {
    /// Defers a message for `wait`. Neither a time nor what it waits for is known.
    #[must_use]
    pub fn defer(wait: WaitTime) -> Self {
        Self::Defer {
            wait,
            not_before: None,
            waits_for: WaitsFor::default(),
        }
    }
}
