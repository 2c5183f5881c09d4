use std::time::Duration;

use tokio::time::Instant;

/// When a provider counts as away, and how it is found out that it is back.
#[derive(Clone, Copy, Debug)]
pub struct BreakerSettings {
    /// `BREAKER_FAILURES`, default 20: failures in a row that are the provider's.
    pub failures: u32,
    /// `BREAKER_PROBE_SECS`, default 15: how long after a failure one message finds out whether the
    /// provider is back.
    pub probe_after: Duration,
    /// Failures in a row over so long, be they few, mean as much: on a quiet channel nobody makes
    /// `failures` attempts.
    pub failing_for: Option<Duration>,
}

/// The longest time between two probes that [`Breaker::admits`].
const LONGEST: Duration = Duration::from_mins(5);

/// Counts a provider's failures in a row: closed, it lets everything through; open, one message now
/// and then. A pure value; its owner tells it the time.
///
/// M. Nygard, *Release It!*, "Circuit Breaker".
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
    /// When the next message may go through.
    probe_at: Instant,
    /// How long after a failure.
    probe_after: Duration,
    /// Whether a probe is under way.
    probing: bool,
}

impl Breaker {
    /// Closed.
    pub const fn new(settings: BreakerSettings) -> Self {
        Self {
            settings,
            failures: 0,
            failing_since: None,
            open: None,
        }
    }

    /// Notes that the provider did what it is there for. Returns whether it had been away.
    pub const fn succeeded(&mut self) -> bool {
        self.failures = 0;
        self.failing_since = None;
        self.open.take().is_some()
    }

    /// Notes a failure that is the provider's. Returns whether it counts as away from now on, and did
    /// not before.
    pub fn failed(&mut self, now: Instant) -> bool {
        self.failures = self.failures.saturating_add(1);
        let since = *self.failing_since.get_or_insert(now);
        let for_long = self
            .settings
            .failing_for
            .is_some_and(|limit| now - since >= limit);
        if self.open.is_some() || self.failures >= self.settings.failures || for_long {
            self.away(now)
        } else {
            false
        }
    }

    /// Notes that the provider is away for sure. Returns whether that is news.
    pub fn away(&mut self, now: Instant) -> bool {
        let probe_after = self.settings.probe_after;
        let open = self.open.unwrap_or(Open {
            since: now,
            probe_at: now,
            probe_after,
            probing: false,
        });
        let probe_after = if open.probing {
            (open.probe_after * 2).min(LONGEST.max(probe_after))
        } else {
            open.probe_after
        };
        let noted = Open {
            probe_at: now + probe_after,
            probe_after,
            probing: false,
            ..open
        };
        self.open.replace(noted).is_none()
    }

    /// Since when the provider counts as away; `None` where it does not.
    pub fn open_since(&self) -> Option<Instant> {
        self.open.map(|open| open.since)
    }

    /// When a message may find out whether the provider is back; `None` where it is not away.
    pub fn probe_at(&self) -> Option<Instant> {
        self.open.map(|open| open.probe_at)
    }

    /// Whether a message may go through now. One that does while the provider is away is the probe:
    /// until its outcome is noted, or as much time has passed again, no other may. Each probe that fails doubles the
    /// time to the next, up to some minutes.
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
        assert!(breaker.away(now));
        breaker
    }

    #[test]
    fn it_opens_at_so_many_failures_in_a_row() {
        let now = Instant::now();
        let mut breaker = Breaker::new(SETTINGS);
        assert_eq!([breaker.failed(now), breaker.failed(now)], [false, false]);
        assert!(!breaker.succeeded(), "it was not open");
        assert_eq!(
            [
                breaker.failed(now),
                breaker.failed(now),
                breaker.failed(now)
            ],
            [false, false, true]
        );
        assert!(!breaker.failed(now), "no news");
    }

    #[test]
    fn while_it_is_open_one_message_goes_through_now_and_then() {
        let start = Instant::now();
        let later = |secs| start + Duration::from_secs(secs);
        let mut breaker = open(start);
        assert!(!breaker.admits(later(14)));
        assert!(breaker.admits(later(15)));
        assert!(!breaker.admits(later(16)), "the probe is under way");
        assert!(breaker.admits(later(30)), "the probe was lost");
        breaker.failed(later(31));
        assert!(!breaker.admits(later(60)));
        assert!(
            breaker.admits(later(61)),
            "half a minute after the one that failed"
        );
        breaker.failed(later(62));
        assert_eq!(breaker.probe_at(), Some(later(122)));
        breaker.failed(later(63));
        assert_eq!(breaker.probe_at(), Some(later(123)), "it was no probe");
        assert_eq!(breaker.open_since(), Some(start));
    }

    #[test]
    fn few_failures_over_a_long_time_mean_as_much_on_a_quiet_channel() {
        let start = Instant::now();
        let later = |secs| start + Duration::from_secs(secs);
        let settings = BreakerSettings {
            failing_for: Some(Duration::from_secs(20)),
            ..SETTINGS
        };
        let mut breaker = Breaker::new(settings);
        assert!(!breaker.failed(start), "one failure alone says nothing");
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
