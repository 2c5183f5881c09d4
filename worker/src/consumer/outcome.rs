use jiff::Timestamp;
use tidings_broker::{Failure, WaitTime};
use tidings_domain::retry::Attempt;

/// How the work on one message ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is left to do.
    Done,
    /// The message failed and may succeed later.
    Retry(Failure),
    /// The message can never succeed.
    DeadLetter(Failure),
    /// Nothing failed, but it is not the time: to be tried again as the same attempt.
    Defer {
        /// How long it waits at the broker.
        wait: WaitTime,
        /// For whoever reads it then.
        not_before: Option<Timestamp>,
    },
}

/// Work could not be done, for a reason that is not known to be the messages'.
#[derive(Debug, thiserror::Error)]
pub enum Surroundings {
    /// A server is away, overloaded, or in the way of others. Never counts as an attempt.
    #[error("{0}")]
    Away(String),
    /// It may be the messages or not. Where it keeps happening to a single message while the servers
    /// answer, it is that message's.
    #[error("{0}")]
    Unclear(String),
}

/// What to tell the broker of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// `basic.ack`.
    Ack,
    /// `basic.nack` without requeue: the broker moves it up its ladder. With the failure's reason.
    Nack(&'static str),
    /// Publish a dead letter, then `basic.ack`.
    GiveUp(Failure),
    /// Publish to a wait exchange, then `basic.ack`.
    Defer {
        wait: WaitTime,
        not_before: Option<Timestamp>,
    },
}

/// Turns an outcome into what to tell the broker. `attempt` is `None` where it cannot be read:
/// nothing would ever end such a message's retries, so it has none.
pub(super) fn verdict(outcome: Outcome, attempt: Option<Attempt>, max_retries: u32) -> Verdict {
    match outcome {
        Outcome::Done => Verdict::Ack,
        Outcome::Retry(failure) => match attempt {
            Some(attempt) if !attempt.is_last(max_retries) => Verdict::Nack(failure.reason),
            _ => Verdict::GiveUp(failure),
        },
        Outcome::DeadLetter(failure) => Verdict::GiveUp(failure),
        Outcome::Defer { wait, not_before } => Verdict::Defer { wait, not_before },
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
    fn a_failure_climbs_the_ladder_until_its_attempts_are_used_up() {
        let retry = |attempt| verdict(Outcome::Retry(failure()), attempt, 3);
        assert_eq!(retry(attempt(0)), Verdict::Nack("unknown_user"));
        assert_eq!(retry(attempt(2)), Verdict::Nack("unknown_user"));
        assert_eq!(retry(attempt(3)), Verdict::GiveUp(failure()));
        assert_eq!(
            retry(None),
            Verdict::GiveUp(failure()),
            "an unreadable routing key"
        );
    }

    #[test]
    fn a_hopeless_message_is_given_up_at_its_first_attempt() {
        assert_eq!(
            verdict(Outcome::DeadLetter(failure()), attempt(0), 3),
            Verdict::GiveUp(failure())
        );
    }

    #[test]
    fn a_message_that_is_done_is_acknowledged_whatever_its_attempt() {
        assert_eq!(verdict(Outcome::Done, attempt(0), 3), Verdict::Ack);
        assert_eq!(verdict(Outcome::Done, None, 3), Verdict::Ack);
    }
}
