use tidings_broker::{Failure, WaitTime};
use tidings_db::DbError;
use tidings_db::notifications::{self, ClaimResult, ClaimedNotification};
use tidings_domain::notification::{MessageId, Status};

use super::Delivery;
use crate::consumer::Outcome;

/// Whose turn it is to deliver a notification.
pub(super) enum Turn {
    /// Ours, until the lease ends.
    Ours(Box<ClaimedNotification>),
    /// Not ours, and what follows for the message.
    Not(Outcome),
}

impl Delivery {
    pub(super) async fn claim(&self, id: MessageId, attempt: u32) -> Result<Turn, DbError> {
        let lease = self.settings.lease;
        let claim = self
            .database
            .run(async |client| notifications::claim(client, id, attempt, lease).await)
            .await?;
        Ok(turn(claim))
    }
}

fn turn(claim: ClaimResult) -> Turn {
    let outcome = match claim {
        ClaimResult::Claimed(claimed) => return Turn::Ours(claimed),
        // Its worker may have died: then the lease ends by itself.
        ClaimResult::LeasedElsewhere(left) => defer(WaitTime::at_most(left)),
        ClaimResult::AttemptAlreadyMade(error) => {
            let error = error.unwrap_or_default();
            let detail = format!("another copy of the message has had this attempt: {error}");
            Outcome::Retry(Failure::quoting("attempt_made", detail))
        }
        ClaimResult::RowMissing => {
            let detail = "asks to deliver a notification that is not recorded";
            Outcome::DeadLetter(Failure::new("row_missing", detail))
        }
        ClaimResult::NotDeliverable(Status::Failed) => {
            let detail = "the notification has failed before; replay its dead letter";
            Outcome::DeadLetter(Failure::new("already_failed", detail))
        }
        ClaimResult::NotDeliverable(Status::Scheduled) => defer(WaitTime::HalfMinute),
        // It became free between two statements.
        ClaimResult::NotDeliverable(Status::Pending | Status::Retrying) => defer(WaitTime::Second),
        ClaimResult::NotDeliverable(Status::Processed | Status::Cancelled | Status::Expired) => {
            Outcome::Done
        }
    };
    Turn::Not(outcome)
}

const fn defer(wait: WaitTime) -> Outcome {
    Outcome::Defer {
        wait,
        not_before: None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn outcome(claim: ClaimResult) -> Outcome {
        match turn(claim) {
            Turn::Not(outcome) => outcome,
            Turn::Ours(_) => panic!("it was not claimed"),
        }
    }

    #[test]
    fn what_came_to_an_end_is_acknowledged_unless_it_failed() {
        for status in [Status::Processed, Status::Cancelled, Status::Expired] {
            assert_eq!(
                outcome(ClaimResult::NotDeliverable(status)),
                Outcome::Done,
                "{status}"
            );
        }
        assert!(
            matches!(outcome(ClaimResult::NotDeliverable(Status::Failed)), Outcome::DeadLetter(failure) if failure.reason == "already_failed")
        );
        assert!(
            matches!(outcome(ClaimResult::RowMissing), Outcome::DeadLetter(failure) if failure.reason == "row_missing")
        );
    }

    #[test]
    fn another_workers_row_is_looked_at_again_without_an_attempt() {
        let held = |secs| outcome(ClaimResult::LeasedElsewhere(Duration::from_secs(secs)));
        assert_eq!(held(0), defer(WaitTime::Second));
        assert_eq!(held(30), defer(WaitTime::HalfMinute));
    }

    #[test]
    fn a_copy_of_a_message_climbs_to_where_its_row_is_without_sending() {
        assert!(
            matches!(outcome(ClaimResult::AttemptAlreadyMade(None)), Outcome::Retry(failure) if failure.reason == "attempt_made")
        );
    }
}
