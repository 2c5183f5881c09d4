//! Durations, counted in buckets.

/// The upper bounds of the buckets, in milliseconds. The last one is six hours; another bucket counts what is longer.
///
/// Buckets are stored by their place. A bound may be added at the end only.
pub const BOUNDS_MS: [u64; 36] = [
    1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750, 1_000, 1_500, 2_000,
    3_000, 5_000, 7_500, 10_000, 15_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000,
    1_200_000, 1_800_000, 3_600_000, 7_200_000, 21_600_000,
];

/// The number of buckets.
pub const BUCKETS: usize = BOUNDS_MS.len() + 1;

/// The bucket of a duration.
#[must_use]
pub fn bucket_of(milliseconds: u64) -> usize {
    BOUNDS_MS.partition_point(|bound| *bound < milliseconds)
}

/// The duration in milliseconds that `percent` of all durations do not exceed, or `None` if there are none. Interpolates
/// within the bucket. For what is longer than the last bound, returns that bound.
#[must_use]
pub fn percentile(buckets: &[u64], percent: u8) -> Option<u64> {
    let total: u128 = buckets.iter().copied().map(u128::from).sum();
    if total == 0 {
        return None;
    }
    let rank = (total * u128::from(percent.min(100))).div_ceil(100).max(1);
    let mut below = 0;
    for (place, count) in buckets.iter().enumerate() {
        let count = u128::from(*count);
        if below + count >= rank {
            let last = BOUNDS_MS[BOUNDS_MS.len() - 1];
            let Some(upper) = BOUNDS_MS.get(place).copied() else {
                return Some(last);
            };
            let lower = place.checked_sub(1).map_or(0, |before| BOUNDS_MS[before]);
            let share = u128::from(upper - lower) * (rank - below);
            let within = u64::try_from(share.div_ceil(count)).unwrap_or(u64::MAX);
            return Some(lower.saturating_add(within).min(upper));
        }
        below += count;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn buckets(durations: &[u64]) -> Vec<u64> {
        let mut buckets = vec![0; BUCKETS];
        for duration in durations {
            buckets[bucket_of(*duration)] += 1;
        }
        buckets
    }

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        assert!(BOUNDS_MS.is_sorted_by(|a, b| a < b));
        for (duration, bucket) in [(0, 0), (1, 0), (2, 1), (4, 3), (5, 3), (6, 4)] {
            assert_eq!(bucket_of(duration), bucket, "{duration}");
        }
        assert_eq!(bucket_of(21_600_000), BUCKETS - 2);
        assert_eq!(bucket_of(21_600_001), BUCKETS - 1);
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_interpolated_within_their_bucket() {
        for (durations, p50, p95) in [
            (vec![], None, None),
            (vec![0], Some(1), Some(1)),
            (vec![100; 10], Some(88), Some(100)),
            ((1..=100).collect(), Some(50), Some(95)),
            (
                vec![10, 10, 10, 10, 10, 10, 10, 10, 10, 5000],
                Some(9),
                Some(5000),
            ),
            (vec![u64::MAX], Some(21_600_000), Some(21_600_000)),
        ] {
            let buckets = buckets(&durations);
            let found = [percentile(&buckets, 50), percentile(&buckets, 95)];
            assert_eq!(found, [p50, p95], "{durations:?}");
        }
        assert_eq!(percentile(&[], 50), None, "an older row has no buckets");
        assert_eq!(percentile(&[0, 4], 50), Some(2), "or fewer");
    }

    proptest! {
        #[test]
        fn a_percentile_is_in_the_bucket_of_the_duration_it_stands_for(
            mut durations in prop::collection::vec(0u64..21_600_000, 1..200), percent in 1u8..=100,
        ) {
            let found = percentile(&buckets(&durations), percent).expect("durations");
            durations.sort_unstable();
            let rank = (durations.len() * usize::from(percent)).div_ceil(100);
            let exact = durations[rank - 1];
            prop_assert_eq!(bucket_of(found), bucket_of(exact), "{} {}", found, exact);
        }

        #[test]
        fn arbitrary_buckets_are_never_a_panic(buckets: Vec<u64>, percent: u8) {
            let _ = percentile(&buckets, percent);
        }
    }
}
