/// The largest body that the broker takes, as far as it is known.
///
/// A broker does not announce its `max_message_size`. It closes the AMQP channel on which a larger message is published,
/// and with it fails all publishes in flight. So that a single message does this only once, and does not count as a broker
/// that is down, the limit is read from the reason for which the channel was closed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MessageLimit(Option<usize>);

impl MessageLimit {
    /// Whether the broker would refuse a body of this size.
    pub(super) fn excludes(self, body: usize) -> bool {
        self.0.is_some_and(|limit| body > limit)
    }

    /// Reads the limit from the reason for which a channel or connection was closed.
    pub(super) fn learn(&mut self, reason: &str) {
        let Some((_, text)) = reason.split_once("message size ") else {
            return;
        };
        let mut numbers = text
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|number| number.parse::<usize>().ok());
        // "message size 16777217 is larger than configured max size 16777216"
        if let (Some(size), Some(limit)) = (numbers.next(), numbers.next())
            && limit < size
        {
            tracing::warn!(
                limit,
                "RabbitMQ takes no larger messages (max_message_size)"
            );
            self.0 = Some(limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_read_from_the_reason_of_the_broker() {
        for reason in [
            "protocol error: AMQP soft error: PRECONDITION-FAILED: PRECONDITION_FAILED - message size 2097152 is larger than configured max size 1048576",
            "PRECONDITION_FAILED - message size 536870913 larger than max size 1048576",
        ] {
            let mut limit = MessageLimit::default();
            assert!(!limit.excludes(2_097_152));
            limit.learn(reason);
            assert!(limit.excludes(1_048_577), "{reason}");
            assert!(!limit.excludes(1_048_576), "{reason}");
        }
    }

    #[test]
    fn other_reasons_set_no_limit() {
        let mut limit = MessageLimit::default();
        for reason in ["CONNECTION_FORCED", "message size 5", "message size 5 of 7"] {
            limit.learn(reason);
            assert!(!limit.excludes(usize::MAX), "{reason}");
        }
    }
}
