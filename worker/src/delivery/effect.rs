//! What follows from what became of a send: pure values.

use std::time::Duration;

use jiff::Timestamp;
use tidings_common::broker::{Failure, WaitTime};
use tidings_db::delivery_attempts::AttemptOutcome;

use super::destinations::Refused;
use crate::consumer::Outcome;
use crate::providers::Report;

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
}

impl Postponed {
    /// Waits for so long, then looks again.
    pub fn for_time(wait: WaitTime, why: impl Into<String>) -> Self {
        Self {
            wait,
            not_before: None,
            why: why.into(),
        }
    }

    /// Waits until `time`.
    pub fn until(time: Timestamp, now: Timestamp, why: impl Into<String>) -> Self {
        let left = Duration::try_from(time.duration_since(now)).unwrap_or_default();
        Self {
            wait: WaitTime::at_most(left),
            not_before: Some(time),
            why: why.into(),
        }
    }
}

impl From<Refused> for Postponed {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Away => Self::for_time(WaitTime::HalfMinute, "the destination is away"),
            Refused::Hanging => Self::for_time(WaitTime::HalfMinute, "the destination hangs"),
            Refused::Crowded => Self::for_time(WaitTime::Second, "the destination is busy"),
        }
    }
}

/// What the timeline calls a report.
pub const fn outcome_of(report: &Report) -> AttemptOutcome {
    match report {
        Report::Delivered { .. } => AttemptOutcome::Delivered,
        Report::Failed { .. } => AttemptOutcome::Failed,
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
        | Report::Unknown { error }
        | Report::Rejected { error }
        | Report::Gone { error }
        | Report::SlowDown { error, .. }
        | Report::CredentialsRefused { error } => Some(error),
    }
}

/// What follows for a notification from the effects of its sends, one an address. `arrived` tells
/// whether an earlier attempt has reached any.
///
/// What may succeed later comes first, since only the addresses that were not reached are tried then. An
/// address that is no more harms nothing where another was reached.
pub fn conclude(effects: Vec<Effect>, arrived: bool) -> Effect {
    let rank = |effect: &Effect| match effect {
        Effect::Retry(_) => 4,
        Effect::Later(_) => 3,
        Effect::Never(_) => 2,
        Effect::Delivered => 1,
        Effect::Gone(_) => 0,
    };
    let mut worst = if arrived {
        Some(Effect::Delivered)
    } else {
        None
    };
    for effect in effects {
        let sooner = |postponed: &Postponed, than: &Postponed| {
            postponed.wait.duration() < than.wait.duration()
        };
        worst = match worst {
            None => Some(effect),
            // Of several pauses the shortest: whoever asked for more is asked again then.
            Some(Effect::Later(than)) => match effect {
                Effect::Later(postponed) if sooner(&postponed, &than) => {
                    Some(Effect::Later(postponed))
                }
                Effect::Retry(failure) => Some(Effect::Retry(failure)),
                _ => Some(Effect::Later(than)),
            },
            Some(so_far) if rank(&effect) > rank(&so_far) => Some(effect),
            so_far => so_far,
        };
    }
    worst.unwrap_or(Effect::Delivered)
}

impl Effect {
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
            conclude(vec![Effect::Gone(failure())], true),
            Effect::Delivered
        );
        assert_eq!(
            conclude(vec![Effect::Gone(failure())], false),
            Effect::Gone(failure())
        );
    }

    #[test]
    fn a_wrong_address_is_a_dead_letter_even_where_another_was_reached() {
        let effects = vec![Effect::Delivered, Effect::Never(failure())];
        assert_eq!(conclude(effects, true), Effect::Never(failure()));
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
        assert_eq!(conclude(Vec::new(), true), Effect::Delivered);
    }

    #[test]
    fn a_pause_that_is_over_is_the_shortest() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a timestamp");
        assert_eq!(Postponed::until(now, now, "").wait, WaitTime::Second);
        let soon = now + jiff::SignedDuration::from_secs(40);
        assert_eq!(Postponed::until(soon, now, "").wait, WaitTime::HalfMinute);
    }
}
