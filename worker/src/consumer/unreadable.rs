use std::time::Duration;

/// Number of consecutive parse errors after which a message in the queue is the cause.
const PARSE_ERRORS: u32 = 3;

/// A consumer that has run for this long has no unreadable message at the front of its queue.
pub(super) const STABLE_AFTER: Duration = Duration::from_secs(10);

/// Detects a queue that contains a message that cannot be parsed: such a message ends each consumer of the
/// queue with a parse error.
#[derive(Debug, Default)]
pub(super) struct UnreadableDetector {
    parse_errors: u32,
}

impl UnreadableDetector {
    /// Records that a parse error has ended the consumer. Returns whether the queue counts as unreadable from
    /// this error on.
    pub(super) const fn parse_error(&mut self) -> bool {
        self.parse_errors = self.parse_errors.saturating_add(1);
        self.parse_errors == PARSE_ERRORS
    }

    /// Records that the consumer is stable or has ended for another reason.
    pub(super) const fn reset(&mut self) {
        self.parse_errors = 0;
    }

    /// Whether no parse error has been recorded since the last reset.
    pub(super) const fn is_clear(&self) -> bool {
        self.parse_errors == 0
    }

    /// Whether the queue contains an unreadable message.
    pub(super) const fn is_unreadable(&self) -> bool {
        self.parse_errors >= PARSE_ERRORS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_unreadable_after_three_consecutive_parse_errors() {
        let mut detector = UnreadableDetector::default();
        assert!(!detector.parse_error());
        assert!(!detector.parse_error());
        detector.reset();
        assert!(!detector.parse_error());
        assert!(!detector.parse_error());
        assert!(detector.parse_error());
        assert!(detector.is_unreadable());
        assert!(!detector.parse_error(), "reported once");
        detector.reset();
        assert!(!detector.is_unreadable());
    }
}
