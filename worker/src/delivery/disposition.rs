//! What happens to a message after a send. Contains only pure functions.

use jiff::Timestamp;
use tidings_broker::Failure;
use tidings_db::delivery_attempts::{AttemptOutcome, SettledContact};
use tidings_domain::decision::{HoldReason, SuppressReason};

use super::deferral::Deferral;
use super::failures::{ADDRESS_GONE, REJECTED};
use crate::consumer::MessageOutcome;

/// What happens to a message after a send, or after all sends of its notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// The provider accepted the message.
    Delivered,
    /// The send failed and may succeed later. Uses up an attempt.
    Retry(Failure),
    /// The message can never be delivered.
    Reject(Failure),
    /// The address no longer exists.
    AddressGone(Failure),
    /// The message could not be sent yet. Uses up no attempt.
    Defer(Deferral),
    /// The notification waits in PostgreSQL, and a scheduler publishes another message.
    Hold {
        /// When.
        until: Timestamp,
        /// Why.
        reason: HoldReason,
    },
    /// The notification is not sent: nobody wants it.
    Suppress {
        /// Why.
        reason: SuppressReason,
    },
    /// The time of the notification is over.
    Expire,
    /// The sender has cancelled the notification.
    Cancel,
}

/// The final result of an earlier attempt for an address.
impl From<SettledContact> for Disposition {
    fn from(settled: SettledContact) -> Self {
        let error = settled.error.unwrap_or_default();
        match settled.outcome {
            AttemptOutcome::Delivered => Self::Delivered,
            AttemptOutcome::Gone => Self::AddressGone(Failure::quoting(ADDRESS_GONE, error)),
            _ => Self::Reject(Failure::quoting(REJECTED, error)),
        }
    }
}

/// Combines the dispositions of all addresses of a notification.
///
/// A retry takes precedence, because the next attempt tries only the addresses that were not reached. On the
/// last attempt a deferral takes precedence, so that the deferred addresses get their attempt. An address
/// that no longer exists counts only if no other address was reached.
pub fn combine(dispositions: Vec<Disposition>, is_last: bool) -> Disposition {
    dispositions
        .into_iter()
        .reduce(|combined, next| match (combined, next) {
            (Disposition::Defer(one), Disposition::Defer(other)) => {
                Disposition::Defer(one.or_sooner(other))
            }
            (one, other) if other.rank(is_last) > one.rank(is_last) => other,
            (one, _) => one,
        })
        .unwrap_or(Disposition::Delivered)
}

impl Disposition {
    /// Precedence among the dispositions of several addresses; the highest wins. Among equal ones, an address
    /// that may have been reached wins, so that the dead letter says so.
    fn rank(&self, is_last: bool) -> (u8, bool) {
        let precedence = match self {
            // About the notification, not about one of its addresses.
            Self::Hold { .. } | Self::Suppress { .. } | Self::Expire | Self::Cancel => 6,
            Self::Defer(_) if is_last => 5,
            // Both end in a dead letter.
            Self::Reject(_) if is_last && self.may_have_arrived() => 4,
            Self::Retry(_) => 4,
            Self::Defer(_) => 3,
            Self::Reject(_) => 2,
            Self::Delivered => 1,
            Self::AddressGone(_) => 0,
        };
        (precedence, self.may_have_arrived())
    }

    fn may_have_arrived(&self) -> bool {
        matches!(self, Self::Retry(failure) | Self::Reject(failure)
            if failure.reason == Failure::OUTCOME_UNKNOWN)
    }

    /// The outcome for the consumer.
    pub fn outcome(self) -> MessageOutcome {
        match self {
            Self::Delivered
            | Self::Hold { .. }
            | Self::Suppress { .. }
            | Self::Expire
            | Self::Cancel => MessageOutcome::Done,
            Self::Retry(failure) => MessageOutcome::Retry(failure),
            Self::Reject(failure) | Self::AddressGone(failure) => {
                MessageOutcome::DeadLetter(failure)
            }
            Self::Defer(Deferral {
                wait,
                not_before,
                waits_for,
                ..
            }) => MessageOutcome::Defer {
                wait,
                not_before,
                waits_for,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use tidings_broker::{WaitKey, WaitTime};

    use super::super::failures::unknown_failure;
    use super::*;

    fn failure() -> Failure {
        Failure::new("provider_failed", "503")
    }

    fn defer(wait: WaitTime) -> Disposition {
        Disposition::Defer(Deferral::wait(wait, "busy"))
    }

    #[test]
    fn a_retry_takes_precedence() {
        let dispositions = vec![
            Disposition::Delivered,
            Disposition::Reject(failure()),
            defer(WaitTime::Second),
            Disposition::Retry(failure()),
        ];
        assert_eq!(combine(dispositions, false), Disposition::Retry(failure()));
    }

    #[test]
    fn a_gone_address_does_not_count_if_another_was_reached() {
        let dispositions = || vec![Disposition::AddressGone(failure()), Disposition::Delivered];
        assert_eq!(combine(dispositions(), false), Disposition::Delivered);
        assert_eq!(
            combine(vec![Disposition::AddressGone(failure())], false),
            Disposition::AddressGone(failure())
        );
    }

    #[test]
    fn a_rejected_address_counts_even_if_another_was_reached() {
        let dispositions = vec![Disposition::Delivered, Disposition::Reject(failure())];
        assert_eq!(combine(dispositions, false), Disposition::Reject(failure()));
    }

    #[test]
    fn an_address_that_may_have_been_reached_determines_the_reason_of_the_dead_letter() {
        let unknown = || unknown_failure(3, "no answer");
        let retries = vec![
            Disposition::Retry(failure()),
            Disposition::Retry(unknown()),
            Disposition::Retry(failure()),
        ];
        assert_eq!(combine(retries, true), Disposition::Retry(unknown()));
        let one_is_exhausted = || {
            vec![
                Disposition::Retry(failure()),
                Disposition::Reject(unknown()),
                Disposition::Reject(failure()),
            ]
        };
        assert_eq!(
            combine(one_is_exhausted(), true),
            Disposition::Reject(unknown())
        );
        assert_eq!(
            combine(one_is_exhausted(), false),
            Disposition::Retry(failure()),
            "the other address is tried again"
        );
    }

    #[test]
    fn on_the_last_attempt_a_deferral_takes_precedence() {
        let dispositions = vec![Disposition::Retry(failure()), defer(WaitTime::HalfMinute)];
        assert_eq!(combine(dispositions, true), defer(WaitTime::HalfMinute));
    }

    #[test]
    fn of_two_deferrals_with_a_time_the_earlier_counts() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a timestamp");
        let until = |minutes| {
            let time = now + SignedDuration::from_mins(minutes);
            Disposition::Defer(Deferral::until(time, now, "busy"))
        };
        assert_eq!(combine(vec![until(60), until(10)], false), until(10));
        let any_time = defer(WaitTime::FiveMinutes);
        assert_eq!(combine(vec![until(10), any_time.clone()], false), any_time);
    }

    #[test]
    fn of_several_deferrals_the_shortest_counts() {
        let dispositions = vec![
            defer(WaitTime::FiveMinutes),
            defer(WaitTime::Second),
            defer(WaitTime::HalfMinute),
        ];
        assert_eq!(combine(dispositions, false), defer(WaitTime::Second));
    }

    #[test]
    fn a_message_that_waits_for_several_urls_can_be_sent_once_one_is_available() {
        let [one, other] = [1, 2].map(WaitKey::new);
        let wait = || Deferral::wait(WaitTime::Second, "busy");
        let combined = |deferrals: [Deferral; 2]| {
            let dispositions = deferrals.map(Disposition::Defer);
            match combine(dispositions.into(), false) {
                Disposition::Defer(deferral) => deferral.waits_for.keys,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(
            combined([wait().waiting_for(one), wait().waiting_for(other)]),
            [one, other]
        );
        assert_eq!(
            combined([wait().waiting_for(one), wait()]),
            [],
            "the other can wait for anything"
        );
    }

    #[test]
    fn a_notification_with_all_addresses_delivered_is_delivered() {
        assert_eq!(
            combine(vec![Disposition::Delivered; 2], false),
            Disposition::Delivered
        );
    }
}
