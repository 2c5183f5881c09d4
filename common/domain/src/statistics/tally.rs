use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;

use super::histogram::{BUCKETS, bucket_of};
use super::measure::Measure;
use crate::notification::Channel;

/// What a tally is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Figure {
    /// The minute, counted from the Unix epoch.
    pub minute: i64,
    /// The channel, if it is known and the measure has one.
    pub channel: Option<Channel>,
    /// What is counted.
    pub measure: Measure,
    /// The reason, the outcome or the queue; empty for other measures.
    pub label: Cow<'static, str>,
}

/// The minute of a time, counted from the Unix epoch.
#[must_use]
pub fn minute_of(time: Timestamp) -> i64 {
    time.as_second().div_euclid(60)
}

/// A number of events, and their durations if they have any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many, or the largest sample of a gauge.
    pub n: u64,
    /// The sum of the durations.
    pub sum_ms: u64,
    /// How many durations are in each bucket; empty without durations.
    pub buckets: Vec<u64>,
}

impl Tally {
    /// Counts events without a duration.
    pub const fn add(&mut self, n: u64) {
        self.n = self.n.saturating_add(n);
    }

    /// Counts an event with a duration.
    pub fn observe(&mut self, duration: Duration) {
        let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        self.add(1);
        self.sum_ms = self.sum_ms.saturating_add(milliseconds);
        if self.buckets.is_empty() {
            self.buckets = vec![0; BUCKETS];
        }
        self.buckets[bucket_of(milliseconds)] += 1;
    }

    /// Takes a sample of a gauge.
    pub fn sample(&mut self, value: u64) {
        self.n = self.n.max(value);
    }

    /// Combines with another tally of the same measure.
    pub fn merge(&mut self, other: &Self, measure: Measure) {
        if measure.is_gauge() {
            self.sample(other.n);
            return;
        }
        self.add(other.n);
        self.sum_ms = self.sum_ms.saturating_add(other.sum_ms);
        if self.buckets.len() < other.buckets.len() {
            self.buckets.resize(other.buckets.len(), 0);
        }
        for (own, others) in self.buckets.iter_mut().zip(&other.buckets) {
            *own = own.saturating_add(*others);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn observed(durations: &[u64]) -> Tally {
        let mut tally = Tally::default();
        for duration in durations {
            tally.observe(Duration::from_millis(*duration));
        }
        tally
    }

    #[test]
    fn the_minute_of_a_time_before_the_epoch_is_the_earlier_one() {
        for (second, minute) in [(0, 0), (59, 0), (60, 1), (-1, -1), (-60, -1), (-61, -2)] {
            let time = Timestamp::from_second(second).expect("in range");
            assert_eq!(minute_of(time), minute, "{second}");
        }
    }

    #[test]
    fn the_largest_sample_of_a_gauge_counts() {
        let mut depth = Tally::default();
        for sample in [3, 7, 5] {
            depth.sample(sample);
        }
        let lower = Tally {
            n: 6,
            ..Tally::default()
        };
        depth.merge(&lower, Measure::Depth);
        assert_eq!(depth.n, 7);
    }

    #[test]
    fn events_without_a_duration_are_no_part_of_the_percentiles() {
        let mut tally = observed(&[40]);
        tally.add(5);
        assert_eq!(
            (tally.n, tally.sum_ms, tally.buckets.iter().sum()),
            (6, 40, 1_u64)
        );
    }

    proptest! {
        #[test]
        fn a_merge_counts_like_one_tally(
            first in prop::collection::vec(0u64..10_000_000, 0..20),
            second in prop::collection::vec(0u64..10_000_000, 0..20),
        ) {
            let mut merged = observed(&first);
            merged.merge(&observed(&second), Measure::Delivered);
            prop_assert_eq!(merged, observed(&[first, second].concat()));
        }
    }
}
