use std::time::{Duration, Instant};

/// The longest time without something that ought to happen all the time.
#[derive(Clone, Debug)]
pub struct Gaps {
    last: Instant,
    longest: Duration,
}

impl Gaps {
    /// Counts from `began` on.
    pub const fn from(began: Instant) -> Self {
        Self {
            last: began,
            longest: Duration::ZERO,
        }
    }

    /// It happened.
    pub fn note(&mut self, at: Instant) {
        // Tasks may come in another order than their answers.
        self.longest = self.longest.max(at.saturating_duration_since(self.last));
        self.last = self.last.max(at);
    }

    /// The longest until `end`.
    pub fn longest(&self, end: Instant) -> Duration {
        self.longest.max(self.since_last(end))
    }

    /// How long ago it happened last.
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
    fn the_longest_gap_may_be_the_first_one_in_between_or_the_last() {
        let began = Instant::now();
        let gaps = |times: &[u64]| {
            let mut gaps = Gaps::from(began);
            for at in times {
                gaps.note(began + secs(*at));
            }
            gaps.longest(began + secs(20))
        };
        assert_eq!(gaps(&[]), secs(20));
        assert_eq!(gaps(&[8, 9, 10, 15, 17]), secs(8));
        assert_eq!(gaps(&[1, 9, 15, 17]), secs(8));
        assert_eq!(gaps(&[1, 9, 11]), secs(9));
    }

    #[test]
    fn a_note_that_comes_late_opens_no_gap() {
        let began = Instant::now();
        let mut gaps = Gaps::from(began);
        for at in [3, 1, 4] {
            gaps.note(began + secs(at));
        }
        assert_eq!(gaps.longest(began + secs(5)), secs(3));
    }
}
