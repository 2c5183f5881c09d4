//! What happens to a message whose notification is not claimed. Contains only pure functions.

use tidings_broker::{Failure, WaitTime};
use tidings_db::notifications::{ClaimResult, ClaimedNotification};
use tidings_domain::notification::Phase;

use crate::consumer::MessageOutcome;

/// Returns the notification if it is claimed, and the outcome of its message otherwise.
pub(super) fn claimed(claim: ClaimResult) -> Result<Box<ClaimedNotification>, MessageOutcome> {
    Err(match claim {
        ClaimResult::Claimed(claimed) => return Ok(claimed),
        // If the worker that holds the row died, the lease expires.
        ClaimResult::LeasedElsewhere(left) => MessageOutcome::defer(WaitTime::at_most(left)),
        ClaimResult::AttemptAlreadyMade(error) => {
            MessageOutcome::Retry(attempt_made(&error.unwrap_or_default()))
        }
        // The gate of the consumer closes.
        ClaimResult::Stopped => MessageOutcome::defer(WaitTime::Second),
        // A scheduler publishes another message.
        ClaimResult::NotDue => MessageOutcome::Done,
        ClaimResult::RowMissing => {
            let detail = "the message refers to a notification that is not recorded";
            MessageOutcome::DeadLetter(Failure::new("row_missing", detail))
        }
        // A newer version, which knows the status, may take the message.
        ClaimResult::UnknownStatus => MessageOutcome::defer(WaitTime::HalfMinute),
        ClaimResult::NotDeliverable(status) => match status.phase() {
            Phase::Failed => {
                let detail = "the notification has failed before; replay its dead letter";
                MessageOutcome::DeadLetter(Failure::new("already_failed", detail))
            }
            // The row became free between two statements.
            Phase::Scheduled | Phase::InProgress => MessageOutcome::defer(WaitTime::Second),
            Phase::Ended => MessageOutcome::Done,
        },
    })
}

/// The failure of an attempt that another copy of the message has made, or this one before its worker ended.
/// `error` is the row's.
fn attempt_made(error: &str) -> Failure {
    let detail = format!("another copy of the message has made this attempt: {error}");
    let unknown = error
        .strip_prefix(Failure::OUTCOME_UNKNOWN)
        .is_some_and(|rest| rest.starts_with(':'));
    let reason = if unknown {
        // If this is the last attempt, the dead letter must say that the message may have arrived.
        Failure::OUTCOME_UNKNOWN
    } else {
        "attempt_made"
    };
    Failure::quoting(reason, detail)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tidings_domain::notification::Status;

    use super::*;

    fn outcome(claim: ClaimResult) -> MessageOutcome {
        claimed(claim).expect_err("not claimed")
    }

    #[test]
    fn rows_at_an_end_are_acknowledged_unless_they_failed() {
        let ended = |status: &Status| status.phase() == Phase::Ended;
        for status in Status::ALL.into_iter().filter(ended) {
            assert_eq!(
                outcome(ClaimResult::NotDeliverable(status)),
                MessageOutcome::Done,
                "{status}"
            );
        }
        assert!(
            matches!(outcome(ClaimResult::NotDeliverable(Status::Failed)), MessageOutcome::DeadLetter(failure) if failure.reason == "already_failed")
        );
        assert!(
            matches!(outcome(ClaimResult::RowMissing), MessageOutcome::DeadLetter(failure) if failure.reason == "row_missing")
        );
    }

    #[test]
    fn a_row_that_another_worker_holds_defers_the_message() {
        let held = |secs| outcome(ClaimResult::LeasedElsewhere(Duration::from_secs(secs)));
        assert_eq!(held(0), MessageOutcome::defer(WaitTime::Second));
        assert_eq!(held(30), MessageOutcome::defer(WaitTime::HalfMinute));
    }

    #[test]
    fn a_stopped_channel_defers_the_message() {
        assert_eq!(
            outcome(ClaimResult::Stopped),
            MessageOutcome::defer(WaitTime::Second)
        );
    }

    #[test]
    fn a_copy_behind_its_row_retries_without_sending() {
        assert!(
            matches!(outcome(ClaimResult::AttemptAlreadyMade(None)), MessageOutcome::Retry(failure) if failure.reason == "attempt_made")
        );
    }

    #[test]
    fn a_copy_of_a_message_that_may_have_arrived_keeps_the_reason() {
        let error = "outcome_unknown: sent without a readable answer".to_owned();
        assert!(
            matches!(outcome(ClaimResult::AttemptAlreadyMade(Some(error))), MessageOutcome::Retry(failure) if failure.reason == Failure::OUTCOME_UNKNOWN)
        );
    }
}
