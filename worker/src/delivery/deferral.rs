//! How long a message waits that cannot be sent yet, and what for.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tidings_broker::{WaitKey, WaitTime, WaitsFor};
use tokio::time::Instant;

use super::destinations::{DestinationUnavailable, WebhookDestinations};

/// A message that has been deferred for longer than this is tried less often.
const LONG_WAIT: Duration = Duration::from_mins(10);

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
    pub fn or_sooner(mut self, mut other: Self) -> Self {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deferral_until_a_past_time_is_the_shortest() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a timestamp");
        assert_eq!(Deferral::until(now, now, "").wait, WaitTime::Second);
        let soon = now + SignedDuration::from_secs(40);
        assert_eq!(Deferral::until(soon, now, "").wait, WaitTime::HalfMinute);
    }
}
