use jiff::Timestamp;
use tidings_broker::{Failure, WaitTime, WaitsFor};
use tidings_domain::retry::Attempt;

use super::MessageOutcome;

/// How the consumer settles one message with the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SettleAction {
    /// `basic.ack`.
    Ack,
    /// `basic.nack` without requeue: the broker moves the message up its ladder. Contains the failure's reason.
    Nack(&'static str),
    /// Publish a dead letter, then `basic.ack`.
    DeadLetter(Failure),
    /// Publish to a wait exchange, then `basic.ack`.
    Defer {
        wait: WaitTime,
        not_before: Option<Timestamp>,
        waits_for: WaitsFor,
    },
}

/// Determines how to settle a message. `attempt` is `None` if the routing key cannot be read; such a message is
/// never retried, because nothing would limit its retries.
pub(super) fn settle_action(
    outcome: MessageOutcome,
    attempt: Option<Attempt>,
    max_retries: u32,
) -> SettleAction {
    match outcome {
        MessageOutcome::Done => SettleAction::Ack,
        MessageOutcome::Retry(failure) => match attempt {
            Some(attempt) if !attempt.is_last(max_retries) => SettleAction::Nack(failure.reason),
            _ => SettleAction::DeadLetter(failure),
        },
        MessageOutcome::DeadLetter(failure) => SettleAction::DeadLetter(failure),
        MessageOutcome::Defer {
            wait,
            not_before,
            waits_for,
        } => SettleAction::Defer {
            wait,
            not_before,
            waits_for,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure() -> Failure {
        Failure::new("unknown_user", String::new())
    }

    fn attempt(number: u32) -> Option<Attempt> {
        Attempt::from_routing_key(&format!("attempt.{number}.3x1000x5x3600000"))
    }

    #[test]
    fn a_failed_message_moves_up_the_ladder_until_its_attempts_are_used_up() {
        let retry = |attempt| settle_action(MessageOutcome::Retry(failure()), attempt, 3);
        assert_eq!(retry(attempt(0)), SettleAction::Nack("unknown_user"));
        assert_eq!(retry(attempt(2)), SettleAction::Nack("unknown_user"));
        assert_eq!(retry(attempt(3)), SettleAction::DeadLetter(failure()));
        assert_eq!(
            retry(None),
            SettleAction::DeadLetter(failure()),
            "an unreadable routing key"
        );
    }

    #[test]
    fn a_message_that_can_never_succeed_is_a_dead_letter_at_its_first_attempt() {
        assert_eq!(
            settle_action(MessageOutcome::DeadLetter(failure()), attempt(0), 3),
            SettleAction::DeadLetter(failure())
        );
    }

    #[test]
    fn a_message_that_is_done_is_acknowledged_whatever_its_attempt() {
        assert_eq!(
            settle_action(MessageOutcome::Done, attempt(0), 3),
            SettleAction::Ack
        );
        assert_eq!(
            settle_action(MessageOutcome::Done, None, 3),
            SettleAction::Ack
        );
    }
}
