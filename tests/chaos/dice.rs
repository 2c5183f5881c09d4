use std::ops::RangeInclusive;
use std::time::Duration;

/// Random numbers that are the same for the same seed, on every machine and for good: `SplitMix64`
/// (Steele, Lea and Flood, 2014), so that no library's next version changes what a seed means.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Dice of their own for somebody else.
    pub fn another(&mut self) -> Self {
        Self(self.roll())
    }

    /// One of `range`, all as likely.
    pub fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        let (low, high) = range.into_inner();
        // The remainder's bias is of the order of the range's size in 2⁶⁴.
        low + self.roll() % (high - low + 1)
    }

    /// A time between two numbers of milliseconds.
    pub fn millis(&mut self, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.within(range))
    }

    /// A place in a list of `n`.
    pub fn place(&mut self, n: usize) -> usize {
        let last = u64::try_from(n.saturating_sub(1)).unwrap_or(0);
        usize::try_from(self.within(0..=last)).unwrap_or(0)
    }

    /// Puts `items` into a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let place = self.place(last + 1);
            items.swap(last, place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_means_the_same_for_good() {
        let mut dice = Dice::new(1_234_567);
        // The reference implementation's first numbers for this seed.
        assert_eq!(dice.roll(), 6_457_827_717_110_365_317);
        assert_eq!(dice.roll(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn every_number_of_a_range_comes_up_and_no_other() {
        let mut dice = Dice::new(7);
        let rolled: std::collections::BTreeSet<_> = (0..200).map(|_| dice.within(3..=6)).collect();
        assert_eq!(rolled, [3, 4, 5, 6].into());
    }

    #[test]
    fn shuffling_loses_nothing() {
        let mut items: Vec<_> = (0..20).collect();
        Dice::new(1).shuffle(&mut items);
        assert!(!items.is_sorted());
        items.sort_unstable();
        assert_eq!(items, (0..20).collect::<Vec<_>>());
    }
}
