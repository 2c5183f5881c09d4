//! What follows from what became of a send: pure values.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tidings_broker::{Failure, WaitTime};
use tidings_db::delivery_attempts::{AttemptOutcome, SettledContact};
use tokio::time::Instant;

use super::destinations::Refused;
use crate::consumer::Outcome;
use crate::providers::Report;

/// Who has waited for longer than this looks less often.
const PATIENT: Duration = Duration::from_mins(10);

/// What follows from a send, or from all sends of one notification, for its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It has arrived.
    Delivered,
    /// It failed and may succeed later: an attempt is used up.
    Retry(Failure),
    /// It can never arrive.
    Never(Failure),
    /// Its address is no more.
    Gone(Failure),
    /// It was not its turn: no attempt is used up.
    Later(Postponed),
}

/// Until when a message waits, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Postponed {
    /// How long it waits at the broker at first.
    pub wait: WaitTime,
    /// When it may be sent, where that is known.
    pub not_before: Option<Timestamp>,
    /// For people.
    pub why: String,
    /// Whether it waits for its destination, which it does not do for ever.
    pub waiting: bool,
}

impl Postponed {
    /// Waits for so long, then looks again.
    pub fn for_time(wait: WaitTime, why: impl Into<String>) -> Self {
        Self {
            wait,
            not_before: None,
            why: why.into(),
            waiting: true,
        }
    }

    /// Of two pauses the shorter: whoever asked for more is not asked again before.
    fn or_sooner(self, other: Self) -> Self {
        // No time is known where the message is to be looked at as soon as it comes back.
        let order = |postponed: &Self| (postponed.wait.duration(), postponed.not_before);
        let waiting = self.waiting && other.waiting;
        let sooner = if order(&other) < order(&self) {
            other
        } else {
            self
        };
        Self { waiting, ..sooner }
    }

    /// Longer from one look to the next for what has `waited` for long: a destination that stays away
    /// must not keep the channel busy.
    pub fn after(self, waited: Duration) -> Self {
        match (self.wait, self.not_before) {
            (WaitTime::HalfMinute, None) if waited > PATIENT => Self {
                wait: WaitTime::FiveMinutes,
                ..self
            },
            _ => self,
        }
    }

    /// Waits until `time`.
    pub fn until(time: Timestamp, now: Timestamp, why: impl Into<String>) -> Self {
        let left = Duration::try_from(time.duration_since(now)).unwrap_or_default();
        Self {
            wait: WaitTime::at_most(left),
            not_before: Some(time),
            why: why.into(),
            waiting: true,
        }
    }
}

impl From<Refused> for Postponed {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Away => Self::for_time(WaitTime::HalfMinute, "the destination is away"),
            Refused::Hanging => Self::for_time(WaitTime::HalfMinute, "the destination hangs"),
            Refused::Asked(until) => {
                let now = Timestamp::now();
                let left = until.saturating_duration_since(Instant::now());
                let until = now + SignedDuration::try_from(left).unwrap_or_default();
                Self::until(until, now, "the destination asked for patience")
            }
            // It is there and does what it can.
            Refused::Crowded => Self {
                waiting: false,
                ..Self::for_time(WaitTime::Second, "the destination is busy")
            },
        }
    }
}

/// Reasons of dead letters.
pub const REJECTED: &str = "rejected_by_provider";
pub const ADDRESS_GONE: &str = "address_gone";

/// What the timeline calls a report.
pub const fn outcome_of(report: &Report) -> AttemptOutcome {
    match report {
        Report::Delivered { .. } => AttemptOutcome::Delivered,
        Report::Failed { .. } | Report::NotNow { .. } => AttemptOutcome::Failed,
        Report::Unknown { .. } => AttemptOutcome::Unknown,
        Report::Rejected { .. } => AttemptOutcome::Rejected,
        Report::Gone { .. } => AttemptOutcome::Gone,
        Report::SlowDown { .. } => AttemptOutcome::Throttled,
        Report::CredentialsRefused { .. } => AttemptOutcome::CredentialsRefused,
    }
}

/// A report's words.
pub fn error_of(report: &Report) -> Option<&str> {
    match report {
        Report::Delivered { .. } => None,
        Report::Failed { error }
        | Report::NotNow { error }
        | Report::Unknown { error }
        | Report::Rejected { error }
        | Report::Gone { error }
        | Report::SlowDown { error, .. }
        | Report::CredentialsRefused { error } => Some(error),
    }
}

/// What an earlier attempt has settled for an address.
impl From<SettledContact> for Effect {
    fn from(settled: SettledContact) -> Self {
        let words = settled.error.unwrap_or_default();
        match settled.outcome {
            AttemptOutcome::Delivered => Self::Delivered,
            AttemptOutcome::Gone => Self::Gone(Failure::quoting(ADDRESS_GONE, words)),
            _ => Self::Never(Failure::quoting(REJECTED, words)),
        }
    }
}

/// What follows for a notification from the effects of its sends, one an address.
///
/// What may succeed later comes first, since only the addresses that were not reached are tried then; but
/// on the last attempt what only has to wait is waited for. An address that is no more harms nothing where
/// another was reached.
pub fn conclude(effects: Vec<Effect>, is_last: bool) -> Effect {
    effects
        .into_iter()
        .reduce(|so_far, effect| match (so_far, effect) {
            (Effect::Later(one), Effect::Later(other)) => Effect::Later(one.or_sooner(other)),
            (one, other) if other.rank(is_last) > one.rank(is_last) => other,
            (one, _) => one,
        })
        .unwrap_or(Effect::Delivered)
}

impl Effect {
    /// Of the effects for several addresses the highest counts.
    const fn rank(&self, is_last: bool) -> u8 {
        match self {
            Self::Later(_) if is_last => 5,
            Self::Retry(_) => 4,
            Self::Later(_) => 3,
            Self::Never(_) => 2,
            Self::Delivered => 1,
            Self::Gone(_) => 0,
        }
    }

    /// What the consumer is told.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Delivered => Outcome::Done,
            Self::Retry(failure) => Outcome::Retry(failure),
            Self::Never(failure) | Self::Gone(failure) => Outcome::DeadLetter(failure),
            Self::Later(Postponed {
                wait, not_before, ..
            }) => Outcome::Defer { wait, not_before },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure() -> Failure {
        Failure::new("provider_failed", "503")
    }

    fn later(wait: WaitTime) -> Effect {
        Effect::Later(Postponed::for_time(wait, "busy"))
    }

    #[test]
    fn one_that_may_succeed_later_decides() {
        let effects = vec![
            Effect::Delivered,
            Effect::Never(failure()),
            later(WaitTime::Second),
            Effect::Retry(failure()),
        ];
        assert_eq!(conclude(effects, false), Effect::Retry(failure()));
    }

    #[test]
    fn an_address_that_is_no_more_harms_nothing_where_another_was_reached() {
        let effects = || vec![Effect::Gone(failure()), Effect::Delivered];
        assert_eq!(conclude(effects(), false), Effect::Delivered);
        assert_eq!(
            conclude(vec![Effect::Gone(failure())], false),
            Effect::Gone(failure())
        );
    }

    #[test]
    fn a_wrong_address_is_a_dead_letter_even_where_another_was_reached() {
        let effects = vec![Effect::Delivered, Effect::Never(failure())];
        assert_eq!(conclude(effects, false), Effect::Never(failure()));
    }

    #[test]
    fn on_the_last_attempt_what_only_has_to_wait_is_waited_for() {
        let effects = vec![Effect::Retry(failure()), later(WaitTime::HalfMinute)];
        assert_eq!(conclude(effects, true), later(WaitTime::HalfMinute));
    }

    #[test]
    fn of_two_pauses_of_one_kind_the_one_that_ends_sooner_counts() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a timestamp");
        let until = |minutes| {
            let time = now + SignedDuration::from_mins(minutes);
            Effect::Later(Postponed::until(time, now, "busy"))
        };
        assert_eq!(conclude(vec![until(60), until(10)], false), until(10));
        let any_time = later(WaitTime::FiveMinutes);
        assert_eq!(conclude(vec![until(10), any_time.clone()], false), any_time);
    }

    #[test]
    fn of_several_pauses_the_shortest_counts() {
        let effects = vec![
            later(WaitTime::FiveMinutes),
            later(WaitTime::Second),
            later(WaitTime::HalfMinute),
        ];
        assert_eq!(conclude(effects, false), later(WaitTime::Second));
    }

    #[test]
    fn all_addresses_reached_before_is_delivered() {
        assert_eq!(
            conclude(vec![Effect::Delivered; 2], false),
            Effect::Delivered
        );
    }

    #[test]
    fn a_pause_that_is_over_is_the_shortest() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a timestamp");
        assert_eq!(Postponed::until(now, now, "").wait, WaitTime::Second);
        let soon = now + jiff::SignedDuration::from_secs(40);
        assert_eq!(Postponed::until(soon, now, "").wait, WaitTime::HalfMinute);
    }
}
