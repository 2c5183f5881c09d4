use std::time::Duration;

use tokio::time::Instant;

/// When a provider or destination counts as down, and when it is probed.
#[derive(Clone, Copy, Debug)]
pub struct BreakerSettings {
    /// `BREAKER_FAILURES`: number of consecutive failures that open the circuit breaker.
    pub failures: u32,
    /// `BREAKER_PROBE_SECS`: time from a failure to the first probe.
    pub probe_after: Duration,
    /// Consecutive failures for this long also open the circuit breaker, however few they are. A channel with
    /// little traffic might never reach `failures`.
    pub failing_for: Option<Duration>,
}

/// The longest time between two probes.
const MAX_PROBE_INTERVAL: Duration = Duration::from_mins(5);

/// A circuit breaker (M. Nygard, *Release It!*): counts the consecutive failures of a provider or
/// destination. A closed circuit breaker admits every message; an open one admits a single message at
/// intervals, the probe. Callers pass the current time.
#[derive(Clone, Debug)]
pub struct Breaker {
    settings: BreakerSettings,
    failures: u32,
    failing_since: Option<Instant>,
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    since: Instant,
    /// When the next probe is admitted.
    probe_at: Instant,
    /// The current interval between a failure and the next probe.
    probe_after: Duration,
    /// Whether a probe is in progress.
    probing: bool,
}

impl Breaker {
    /// Creates a closed circuit breaker.
    pub const fn new(settings: BreakerSettings) -> Self {
        Self {
            settings,
            failures: 0,
            failing_since: None,
            open: None,
        }
    }

    /// Records a success and closes the circuit breaker. Returns whether it was open.
    pub const fn succeeded(&mut self) -> bool {
        self.failures = 0;
        self.failing_since = None;
        self.open.take().is_some()
    }

    /// Records a failure. Returns whether this opened the circuit breaker.
    pub fn failed(&mut self, now: Instant) -> bool {
        self.failures = self.failures.saturating_add(1);
        let since = *self.failing_since.get_or_insert(now);
        let failing_for_long = self
            .settings
            .failing_for
            .is_some_and(|limit| now - since >= limit);
        if self.open.is_some() || self.failures >= self.settings.failures || failing_for_long {
            self.open(now)
        } else {
            false
        }
    }

    /// Opens the circuit breaker, or records another failure if it is open. Returns whether this opened it.
    pub fn open(&mut self, now: Instant) -> bool {
        let probe_after = self.settings.probe_after;
        let open = self.open.unwrap_or(Open {
            since: now,
            probe_at: now,
            probe_after,
            probing: false,
        });
        let probe_after = if open.probing {
            (open.probe_after * 2).min(MAX_PROBE_INTERVAL.max(probe_after))
        } else {
            open.probe_after
        };
        let updated = Open {
            probe_at: now + probe_after,
            probe_after,
            probing: false,
            ..open
        };
        self.open.replace(updated).is_none()
    }

    /// Admits the next message as a probe, if the circuit breaker is open. Returns whether it is.
    pub const fn probe_now(&mut self, now: Instant) -> bool {
        if let Some(open) = &mut self.open {
            open.probe_at = now;
            true
        } else {
            false
        }
    }

    /// When the circuit breaker opened; `None` if it is closed.
    pub fn open_since(&self) -> Option<Instant> {
        self.open.map(|open| open.since)
    }

    /// When the next probe is admitted; `None` if the circuit breaker is closed.
    pub fn probe_at(&self) -> Option<Instant> {
        self.open.map(|open| open.probe_at)
    }

    /// Whether a message may be sent now. If the circuit breaker is open, this message is the probe: no other
    /// message is admitted until the result of the probe is recorded or the interval has passed again. Each
    /// failed probe doubles the interval, up to 5 minutes.
    pub fn admits(&mut self, now: Instant) -> bool {
        match &mut self.open {
            None => true,
            Some(open) if now >= open.probe_at => {
                open.probe_at = now + open.probe_after;
                open.probing = true;
                true
            }
            Some(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: BreakerSettings = BreakerSettings {
        failures: 3,
        probe_after: Duration::from_secs(15),
        failing_for: None,
    };

    fn open(now: Instant) -> Breaker {
        let mut breaker = Breaker::new(SETTINGS);
        assert!(breaker.open(now));
        breaker
    }

    #[test]
    fn consecutive_failures_open_it() {
        let now = Instant::now();
        let mut breaker = Breaker::new(SETTINGS);
        assert_eq!([breaker.failed(now), breaker.failed(now)], [false, false]);
        assert!(!breaker.succeeded(), "it was closed");
        assert_eq!(
            [
                breaker.failed(now),
                breaker.failed(now),
                breaker.failed(now)
            ],
            [false, false, true]
        );
        assert!(!breaker.failed(now), "it was open already");
    }

    #[test]
    fn an_open_breaker_admits_probes() {
        let start = Instant::now();
        let later = |secs| start + Duration::from_secs(secs);
        let mut breaker = open(start);
        assert!(!breaker.admits(later(14)));
        assert!(breaker.admits(later(15)));
        assert!(!breaker.admits(later(16)), "the probe is in progress");
        assert!(breaker.admits(later(30)), "the probe was lost");
        breaker.failed(later(31));
        assert!(!breaker.admits(later(60)));
        assert!(breaker.admits(later(61)), "30 s after the failed probe");
        breaker.failed(later(62));
        assert_eq!(breaker.probe_at(), Some(later(122)));
        breaker.failed(later(63));
        assert_eq!(breaker.probe_at(), Some(later(123)), "not a probe");
        assert_eq!(breaker.open_since(), Some(start));
    }

    #[test]
    fn few_failures_over_a_long_time_open_it() {
        let start = Instant::now();
        let later = |secs| start + Duration::from_secs(secs);
        let settings = BreakerSettings {
            failing_for: Some(Duration::from_secs(20)),
            ..SETTINGS
        };
        let mut breaker = Breaker::new(settings);
        assert!(!breaker.failed(start), "a single failure");
        assert!(breaker.failed(later(20)));
        let mut breaker = Breaker::new(settings);
        assert!(!breaker.failed(start));
        breaker.succeeded();
        assert!(!breaker.failed(later(30)));
    }

    #[test]
    fn the_first_success_closes_it() {
        let start = Instant::now();
        let mut breaker = open(start);
        assert!(breaker.succeeded());
        assert!(breaker.admits(start));
    }
}
