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
}

/// Counts a provider's failures in a row: closed, it lets everything through; open, one message now
/// and then. A pure value; its owner tells it the time.
///
/// M. Nygard, *Release It!*, "Circuit Breaker".
#[derive(Clone, Debug)]
pub struct Breaker {
    settings: BreakerSettings,
    failures: u32,
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    since: Instant,
    /// When the next message may go through.
    probe_at: Instant,
}

impl Breaker {
    /// Closed.
    pub const fn new(settings: BreakerSettings) -> Self {
        Self {
            settings,
            failures: 0,
            open: None,
        }
    }

    /// Notes that the provider did what it is there for. Returns whether it had been away.
    pub const fn succeeded(&mut self) -> bool {
        self.failures = 0;
        self.open.take().is_some()
    }

    /// Notes a failure that is the provider's. Returns whether it counts as away from now on, and did
    /// not before.
    pub fn failed(&mut self, now: Instant) -> bool {
        self.failures = self.failures.saturating_add(1);
        if self.open.is_some() || self.failures >= self.settings.failures {
            self.away(now)
        } else {
            false
        }
    }

    /// Notes that the provider is away for sure. Returns whether that is news.
    pub fn away(&mut self, now: Instant) -> bool {
        let probe_at = now + self.settings.probe_after;
        let since = self.open.map_or(now, |open| open.since);
        self.open.replace(Open { since, probe_at }).is_none()
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
    /// until its outcome is noted, or as much time has passed again, no other may.
    pub fn admits(&mut self, now: Instant) -> bool {
        match &mut self.open {
            None => true,
            Some(open) if now >= open.probe_at => {
                open.probe_at = now + self.settings.probe_after;
                true
            }
            Some(_) => false,
        }
    }

    /// Whether there is nothing to remember.
    pub const fn is_untroubled(&self) -> bool {
        self.failures == 0 && self.open.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: BreakerSettings = BreakerSettings {
        failures: 3,
        probe_after: Duration::from_secs(15),
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
        assert!(!breaker.admits(later(45)));
        assert!(breaker.admits(later(46)));
        assert_eq!(breaker.open_since(), Some(start));
    }

    #[test]
    fn the_first_success_closes_it() {
        let start = Instant::now();
        let mut breaker = open(start);
        assert!(breaker.succeeded());
        assert!(breaker.admits(start));
        assert!(breaker.is_untroubled());
    }
}
