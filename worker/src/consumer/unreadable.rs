use std::time::Duration;

/// Parse errors in a row after which a message of the queue is to blame.
const PARSE_ERRORS: u32 = 3;

/// A consumer that lasts so long has no unreadable message at the front of its queue.
pub(super) const LASTING: Duration = Duration::from_secs(10);

/// Detects that a queue holds a message that cannot be parsed, by the ends of its consumer.
#[derive(Debug, Default)]
pub(super) struct UnreadableDetector {
    in_a_row: u32,
}

impl UnreadableDetector {
    /// Records that a parse error has ended the consumer. Returns whether this is the error that
    /// convicts the queue.
    pub(super) const fn parse_error(&mut self) -> bool {
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.in_a_row == PARSE_ERRORS
    }

    /// Records that the consumer ended for another reason, or lasts.
    pub(super) const fn other(&mut self) {
        self.in_a_row = 0;
    }

    /// Whether the last end was no parse error.
    pub(super) const fn is_clear(&self) -> bool {
        self.in_a_row == 0
    }

    /// Whether the queue holds an unreadable message.
    pub(super) const fn is_certain(&self) -> bool {
        self.in_a_row >= PARSE_ERRORS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_parse_errors_in_a_row_convict_a_queue() {
        let mut detector = UnreadableDetector::default();
        assert!(!detector.parse_error());
        assert!(!detector.parse_error());
        detector.other();
        assert!(!detector.parse_error());
        assert!(!detector.parse_error());
        assert!(detector.parse_error());
        assert!(detector.is_certain());
        assert!(!detector.parse_error(), "reported once");
        detector.other();
        assert!(!detector.is_certain());
    }
}
