use std::num::NonZeroU32;
use std::time::Duration;

use super::headers::whole_secs;

/// The value of `Retry-After`: the time to wait and up to a fifth more, so that clients that were refused together do not
/// come back together.
pub(super) fn retry_after_secs(wait: Duration) -> NonZeroU32 {
    // Without a random number nothing breaks.
    let random = getrandom::u32().unwrap_or_default();
    jittered(wait, f64::from(random) / f64::from(u32::MAX))
}

/// `share` is from 0 to 1.
fn jittered(wait: Duration, share: f64) -> NonZeroU32 {
    let longest = Duration::from_hours(24 * 365);
    let secs = whole_secs(wait.min(longest).mul_f64(1.0 + share / 5.0));
    let secs = u32::try_from(secs).unwrap_or(u32::MAX);
    NonZeroU32::new(secs).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_come_back_within_the_next_fifth() {
        let after = |secs, share| jittered(Duration::from_secs_f64(secs), share).get();
        assert_eq!((after(0.02, 0.0), after(0.02, 1.0)), (1, 1));
        assert_eq!((after(94.1, 0.0), after(94.1, 1.0)), (95, 113));
        let drawn: Vec<_> = (0..100)
            .map(|_| retry_after_secs(Duration::from_secs(100)).get())
            .collect();
        assert!(
            drawn.iter().all(|secs| (100..=120).contains(secs)),
            "{drawn:?}"
        );
        assert!(drawn.iter().any(|secs| *secs != drawn[0]), "{drawn:?}");
    }
}
