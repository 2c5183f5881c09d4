use tidings_broker::{Failure, WaitTime, WaitsFor};
use tidings_db::DbError;
use tidings_db::notifications::{self, ClaimResult, ClaimedNotification};
use tidings_domain::notification::{MessageId, Status};

use super::{Delivery, DeliveryChannel};
use crate::consumer::MessageOutcome;

/// Whether this worker delivers a notification now.
pub(super) enum ClaimDecision {
    /// The row is claimed until the lease ends.
    Deliver(Box<ClaimedNotification>),
    /// The row is not claimed. Contains the outcome of the message.
    Skip(MessageOutcome),
}

impl<C: DeliveryChannel> Delivery<C> {
    pub(super) async fn claim(
        &self,
        id: MessageId,
        attempt: u32,
    ) -> Result<ClaimDecision, DbError> {
        let lease = self.settings.lease;
        let claim = self
            .database
            .run(async |client| notifications::claim(client, id, attempt, lease).await)
            .await?;
        Ok(decide(claim))
    }
}

fn decide(claim: ClaimResult) -> ClaimDecision {
    let outcome = match claim {
        ClaimResult::Claimed(claimed) => return ClaimDecision::Deliver(claimed),
        // If the worker that holds the row died, the lease expires.
        ClaimResult::LeasedElsewhere(left) => defer(WaitTime::at_most(left)),
        ClaimResult::AttemptAlreadyMade(error) => {
            MessageOutcome::Retry(attempt_made(&error.unwrap_or_default()))
        }
        ClaimResult::RowMissing => {
            let detail = "the message refers to a notification that is not recorded";
            MessageOutcome::DeadLetter(Failure::new("row_missing", detail))
        }
        ClaimResult::NotDeliverable(Status::Failed) => {
            let detail = "the notification has failed before; replay its dead letter";
            MessageOutcome::DeadLetter(Failure::new("already_failed", detail))
        }
        // A newer version, which knows the status, may take the message.
        ClaimResult::UnknownStatus | ClaimResult::NotDeliverable(Status::Scheduled) => {
            defer(WaitTime::HalfMinute)
        }
        // The row became free between two statements.
        ClaimResult::NotDeliverable(Status::Pending | Status::Retrying) => defer(WaitTime::Second),
        ClaimResult::NotDeliverable(Status::Processed | Status::Cancelled | Status::Expired) => {
            MessageOutcome::Done
        }
    };
    ClaimDecision::Skip(outcome)
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

fn defer(wait: WaitTime) -> MessageOutcome {
    MessageOutcome::Defer {
        wait,
        not_before: None,
        waits_for: WaitsFor::default(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn outcome(claim: ClaimResult) -> MessageOutcome {
        match decide(claim) {
            ClaimDecision::Skip(outcome) => outcome,
            ClaimDecision::Deliver(_) => panic!("claimed"),
        }
    }

    #[test]
    fn rows_at_an_end_are_acknowledged_unless_they_failed() {
        for status in [Status::Processed, Status::Cancelled, Status::Expired] {
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
        assert_eq!(held(0), defer(WaitTime::Second));
        assert_eq!(held(30), defer(WaitTime::HalfMinute));
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
