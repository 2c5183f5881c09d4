//! What happens to a message after a send. Contains only pure functions.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tidings_broker::{Failure, WaitKey, WaitTime, WaitsFor};
use tidings_db::delivery_attempts::{AttemptOutcome, SettledContact};
use tokio::time::Instant;

use super::destinations::{DestinationUnavailable, WebhookDestinations};
use crate::consumer::MessageOutcome;
use crate::providers::SendOutcome;

/// A message that has been deferred for longer than this is tried less often.
const LONG_WAIT: Duration = Duration::from_mins(10);

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
}

/// How long a message waits, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deferral {
    /// The wait queue that the message goes to first.
    pub wait: WaitTime,
    /// The earliest time to send, if known.
    pub not_before: Option<Timestamp>,
    /// For operators.
    pub reason: String,
    /// Whether the time counts against `WEBHOOK_DEFER_MAX_HOURS`.
    pub counts_as_waiting: bool,
    /// What the message waits for. Empty if that is not known.
    pub waits_for: WaitsFor,
}

impl Deferral {
    /// Creates a deferral for `wait`.
    pub fn wait(wait: WaitTime, reason: impl Into<String>) -> Self {
        Self {
            wait,
            not_before: None,
            reason: reason.into(),
            counts_as_waiting: true,
            waits_for: WaitsFor::default(),
        }
    }

    /// Adds that the message waits for `key`.
    pub fn waiting_for(self, key: WaitKey) -> Self {
        Self {
            waits_for: WaitsFor::key(key),
            ..self
        }
    }

    /// Creates a deferral until `time`.
    pub fn until(time: Timestamp, now: Timestamp, reason: impl Into<String>) -> Self {
        let left = Duration::try_from(time.duration_since(now)).unwrap_or_default();
        Self {
            wait: WaitTime::at_most(left),
            not_before: Some(time),
            reason: reason.into(),
            counts_as_waiting: true,
            waits_for: WaitsFor::default(),
        }
    }

    /// Returns the shorter of two deferrals, for what both wait for. The state of a destination that asked for a
    /// longer pause still prevents sends to it.
    fn or_sooner(mut self, mut other: Self) -> Self {
        let mut waits_for = std::mem::take(&mut self.waits_for);
        let more = std::mem::take(&mut other.waits_for).keys;
        if more.is_empty() || waits_for.keys.is_empty() {
            // What one of them waits for is not known.
            waits_for.keys.clear();
        } else {
            waits_for.keys.extend(more);
        }
        // `None` sorts first: without a time, the message may be sent as soon as it comes back.
        let order = |deferral: &Self| (deferral.wait.duration(), deferral.not_before);
        let counts_as_waiting = self.counts_as_waiting && other.counts_as_waiting;
        let sooner = if order(&other) < order(&self) {
            other
        } else {
            self
        };
        Self {
            counts_as_waiting,
            waits_for,
            ..sooner
        }
    }

    /// Lengthens the wait of a message that has already `waited` long, so that a destination that stays down
    /// does not keep the channel busy.
    pub fn lengthened_after(self, waited: Duration) -> Self {
        match (self.wait, self.not_before) {
            (WaitTime::HalfMinute, None) if waited > LONG_WAIT => Self {
                wait: WaitTime::FiveMinutes,
                ..self
            },
            _ => self,
        }
    }

    /// Lets the state of the destinations choose how long the message waits.
    pub fn scheduled(self, destinations: &WebhookDestinations) -> Self {
        if self.waits_for.keys.is_empty() {
            return self;
        }
        let keys = self.waits_for.keys;
        let waiting = destinations.wait(keys, self.not_before, self.wait);
        Self {
            wait: waiting.wait,
            not_before: waiting.not_before,
            waits_for: waiting.waits_for,
            ..self
        }
    }
}

impl From<DestinationUnavailable> for Deferral {
    fn from(unavailable: DestinationUnavailable) -> Self {
        match unavailable {
            DestinationUnavailable::Down => {
                Self::wait(WaitTime::HalfMinute, "the destination is down")
            }
            DestinationUnavailable::Hanging => {
                Self::wait(WaitTime::HalfMinute, "the destination hangs")
            }
            DestinationUnavailable::Paused(until) => {
                let now = Timestamp::now();
                let left = until.saturating_duration_since(Instant::now());
                let until = now + SignedDuration::try_from(left).unwrap_or_default();
                Self::until(until, now, "the destination throttles")
            }
            // The destination works; only its number of concurrent sends is limited.
            DestinationUnavailable::Busy => Self {
                counts_as_waiting: false,
                ..Self::wait(WaitTime::Second, "the destination is busy")
            },
        }
    }
}

/// The reason in the dead letter of a rejected message.
pub const REJECTED: &str = "rejected_by_provider";

/// The reason in the dead letter of a message to an address that no longer exists.
pub const ADDRESS_GONE: &str = "address_gone";

/// The reason in the dead letter of a message that its provider was not asked to send.
pub const NOT_SENT: &str = "not_sent";

/// The failure of a message that has been sent `copies` times with an unknown outcome. `error` is that of the last
/// one.
pub fn unknown_failure(copies: u32, error: &str) -> Failure {
    let times = match copies {
        0 | 1 => String::new(),
        _ => format!("{copies} times "),
    };
    let detail = format!("sent {times}without a readable answer, so it may have arrived: {error}");
    Failure::quoting(Failure::OUTCOME_UNKNOWN, detail)
}

/// The outcome of a send as recorded in `delivery_attempts`.
pub const fn attempt_outcome(outcome: &SendOutcome) -> AttemptOutcome {
    match outcome {
        SendOutcome::Delivered { .. } => AttemptOutcome::Delivered,
        SendOutcome::Failed { .. } | SendOutcome::RefusedForNow { .. } => AttemptOutcome::Failed,
        SendOutcome::Unknown { .. } => AttemptOutcome::Unknown,
        SendOutcome::Rejected { .. } => AttemptOutcome::Rejected,
        SendOutcome::NotSent { .. } => AttemptOutcome::NotSent,
        SendOutcome::AddressGone { .. } => AttemptOutcome::Gone,
        SendOutcome::Throttled { .. } => AttemptOutcome::Throttled,
        SendOutcome::CredentialsRefused { .. } | SendOutcome::InstallationRefused { .. } => {
            AttemptOutcome::CredentialsRefused
        }
    }
}

/// The error text of an outcome; `None` if the message was delivered.
pub fn error_text(outcome: &SendOutcome) -> Option<&str> {
    match outcome {
        SendOutcome::Delivered { .. } => None,
        SendOutcome::Failed { error }
        | SendOutcome::RefusedForNow { error }
        | SendOutcome::Unknown { error }
        | SendOutcome::Rejected { error }
        | SendOutcome::NotSent { error }
        | SendOutcome::AddressGone { error }
        | SendOutcome::Throttled { error, .. }
        | SendOutcome::CredentialsRefused { error }
        | SendOutcome::InstallationRefused { error, .. } => Some(error),
    }
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
            Self::Delivered => MessageOutcome::Done,
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

    #[test]
    fn a_deferral_until_a_past_time_is_the_shortest() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a timestamp");
        assert_eq!(Deferral::until(now, now, "").wait, WaitTime::Second);
        let soon = now + SignedDuration::from_secs(40);
        assert_eq!(Deferral::until(soon, now, "").wait, WaitTime::HalfMinute);
    }
}
