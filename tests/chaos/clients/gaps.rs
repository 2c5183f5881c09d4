use std::time::{Duration, Instant};

/// The longest time between two events of a kind.
#[derive(Clone, Debug)]
pub struct Gaps {
    last: Instant,
    longest: Duration,
}

impl Gaps {
    /// Starts at `began`.
    pub const fn from(began: Instant) -> Self {
        Self {
            last: began,
            longest: Duration::ZERO,
        }
    }

    /// Records an event.
    pub fn record(&mut self, at: Instant) {
        // Tasks may record events in another order than these happened.
        self.longest = self.longest.max(at.saturating_duration_since(self.last));
        self.last = self.last.max(at);
    }

    /// Returns the longest gap until `end`.
    pub fn longest(&self, end: Instant) -> Duration {
        self.longest.max(self.since_last(end))
    }

    /// Returns the time since the last event.
    pub fn since_last(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn the_longest_gap_may_be_at_the_start_in_the_middle_or_at_the_end() {
        let began = Instant::now();
        let gaps = |times: &[u64]| {
            let mut gaps = Gaps::from(began);
            for at in times {
                gaps.record(began + secs(*at));
            }
            gaps.longest(began + secs(20))
        };
        assert_eq!(gaps(&[]), secs(20));
        assert_eq!(gaps(&[8, 9, 10, 15, 17]), secs(8));
        assert_eq!(gaps(&[1, 9, 15, 17]), secs(8));
        assert_eq!(gaps(&[1, 9, 11]), secs(9));
    }

    #[test]
    fn an_event_that_is_recorded_late_creates_no_gap() {
        let began = Instant::now();
        let mut gaps = Gaps::from(began);
        for at in [3, 1, 4] {
            gaps.record(began + secs(at));
        }
        assert_eq!(gaps.longest(began + secs(5)), secs(3));
    }
}
