use std::time::{Duration, Instant};

/// The shortest gap that is remembered.
const SHORTEST: Duration = Duration::from_millis(100);

/// A time without an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    pub from: Instant,
    pub until: Instant,
}

impl Gap {
    pub fn length(self) -> Duration {
        self.until.saturating_duration_since(self.from)
    }
}

/// The times between events of a kind.
#[derive(Clone, Debug)]
pub struct Gaps {
    last: Instant,
    long: Vec<Gap>,
}

impl Gaps {
    /// Starts at `began`.
    pub fn from(began: Instant) -> Self {
        Self {
            last: began,
            long: Vec::new(),
        }
    }

    /// Records an event.
    pub fn record(&mut self, at: Instant) {
        let gap = Gap {
            from: self.last,
            until: at,
        };
        // Zero if tasks record events in another order than these happened.
        if gap.length() >= SHORTEST {
            self.long.push(gap);
        }
        self.last = self.last.max(at);
    }

    /// Returns all gaps until `end`, except the shortest ones.
    pub fn all(&self, end: Instant) -> Vec<Gap> {
        let last = Gap {
            from: self.last,
            until: end,
        };
        self.long.iter().copied().chain([last]).collect()
    }

    /// Returns the longest gap until `end`.
    pub fn longest(&self, end: Instant) -> Duration {
        let lengths = self.all(end).into_iter().map(Gap::length);
        lengths.max().unwrap_or_default()
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
