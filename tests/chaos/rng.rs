use std::ops::RangeInclusive;
use std::time::Duration;

/// A pseudorandom number generator whose sequence never changes for a seed: `SplitMix64` (Steele, Lea and
/// Flood, 2014). A library's generator may change with its next version.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns an independent generator.
    pub fn split(&mut self) -> Self {
        Self(self.next_u64())
    }

    /// Returns a uniformly distributed number in `range`.
    pub fn in_range(&mut self, range: RangeInclusive<u64>) -> u64 {
        let (low, high) = range.into_inner();
        // The bias of the remainder is about the range's size divided by 2⁶⁴.
        low + self.next_u64() % (high - low + 1)
    }

    /// Returns a duration of a number of milliseconds in `range`.
    pub fn millis(&mut self, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.in_range(range))
    }

    /// Returns an index into a list of length `n`.
    pub fn index(&mut self, n: usize) -> usize {
        let last = u64::try_from(n.saturating_sub(1)).unwrap_or(0);
        usize::try_from(self.in_range(0..=last)).unwrap_or(0)
    }

    /// Shuffles `items` (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.index(last + 1);
            items.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_reference_sequence() {
        let mut rng = Rng::new(1_234_567);
        // The first numbers of the reference implementation for this seed.
        assert_eq!(rng.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(rng.next_u64(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn numbers_cover_exactly_the_range() {
        let mut rng = Rng::new(7);
        let drawn: std::collections::BTreeSet<_> = (0..200).map(|_| rng.in_range(3..=6)).collect();
        assert_eq!(drawn, [3, 4, 5, 6].into());
    }

    #[test]
    fn a_shuffle_is_a_permutation() {
        let mut items: Vec<_> = (0..20).collect();
        Rng::new(1).shuffle(&mut items);
        assert!(!items.is_sorted());
        items.sort_unstable();
        assert_eq!(items, (0..20).collect::<Vec<_>>());
    }
}
