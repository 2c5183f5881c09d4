//! The generic cell rate algorithm, as pure functions.
//!
//! A bucket has one number, its theoretical arrival time: when everything that was taken is refilled. A request moves it by
//! one period. A request is admitted if the time is then at most one burst ahead.

use std::num::NonZeroU32;
use std::time::Duration;

/// Nanoseconds since a fixed time.
pub(super) type Nanos = u64;

const MINUTE: u64 = 60_000_000_000;

/// The limit of a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(NonZeroU32);

impl Rate {
    /// Allows this many requests a minute.
    #[must_use]
    pub const fn per_minute(requests: NonZeroU32) -> Self {
        Self(requests)
    }

    /// Requests a minute.
    #[must_use]
    pub const fn requests(self) -> u32 {
        self.0.get()
    }

    /// The time in which one request is refilled, in nanoseconds.
    pub(super) fn period(self) -> Nanos {
        MINUTE / u64::from(self.requests())
    }

    /// How many requests may follow each other without a pause: a tenth of a minute's.
    pub(super) fn burst(self) -> u32 {
        (self.requests() / 10).max(1)
    }

    /// How many requests a process holds in advance, at most.
    pub(super) fn lease(self) -> u32 {
        (self.requests() / 20).max(1)
    }

    /// The time in which this many requests are refilled.
    pub(super) fn time_of(self, requests: u32) -> Nanos {
        self.period().saturating_mul(requests.into())
    }

    /// The time of a bucket after it was charged. Without a check, so that it can get into debt.
    pub(super) fn charged(self, time: Nanos, requests: u32, now: Nanos) -> Nanos {
        time.max(now).saturating_add(self.time_of(requests))
    }

    /// Takes one request. Returns the new time of the bucket.
    ///
    /// # Errors
    ///
    /// Returns how long it takes until a request is admitted.
    pub(super) fn take(self, time: Nanos, now: Nanos) -> Result<Nanos, Duration> {
        let taken = self.charged(time, 1, now);
        let latest = now.saturating_add(self.time_of(self.burst()));
        if taken <= latest {
            Ok(taken)
        } else {
            Err(Duration::from_nanos(taken - latest))
        }
    }

    /// How many requests are admitted at once.
    pub(super) fn available(self, time: Nanos, now: Nanos) -> u32 {
        let free = self
            .time_of(self.burst())
            .saturating_sub(time.saturating_sub(now));
        u32::try_from(free / self.period()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Nanos = 1_000_000_000;

    fn rate(requests: u32) -> Rate {
        Rate::per_minute(NonZeroU32::new(requests).expect("not 0"))
    }

    #[test]
    fn a_burst_is_admitted_and_then_one_request_a_period() {
        let rate = rate(600);
        let (mut time, now) = (0, SECOND);
        assert_eq!(rate.available(time, now), 60);
        for left in (0..60).rev() {
            time = rate.take(time, now).expect("within the burst");
            assert_eq!(rate.available(time, now), left);
        }
        assert_eq!(rate.take(time, now), Err(Duration::from_millis(100)));
        assert_eq!(
            rate.take(time, now + SECOND / 50),
            Err(Duration::from_millis(80))
        );
        let later = now + SECOND / 10;
        time = rate.take(time, later).expect("one is refilled");
        assert!(rate.take(time, later).is_err());
        assert_eq!(rate.available(time, later + 6 * SECOND), 60);
        assert_eq!(rate.available(time, later + 600 * SECOND), 60);
    }

    #[test]
    fn a_debt_delays_what_comes_after_it() {
        let rate = rate(600);
        let time = rate.take(0, 0).expect("admitted");
        let time = rate.charged(time, 999, 0);
        assert_eq!(rate.available(time, 0), 0);
        // 1000 requests take 100 s, and the burst is 6 s.
        assert_eq!(rate.take(time, 0), Err(Duration::from_millis(94_100)));
        assert!(rate.take(time, 94 * SECOND).is_err());
        assert!(rate.take(time, 94 * SECOND + SECOND / 10).is_ok());
    }

    #[test]
    fn the_smallest_limit_admits_one_request_a_minute() {
        let rate = rate(1);
        assert_eq!((rate.burst(), rate.lease()), (1, 1));
        let time = rate.take(0, 0).expect("the first");
        assert_eq!(rate.take(time, 0), Err(Duration::from_mins(1)));
        assert!(rate.take(time, 60 * SECOND).is_ok());
    }

    proptest! {
        /// In every interval, whatever came before it.
        #[test]
        fn never_more_than_the_burst_and_what_is_refilled(
            requests in 1_u32..100_000,
            pauses in proptest::collection::vec(0_u64..3 * SECOND, 1..200),
        ) {
            let rate = rate(requests);
            let (mut time, mut now) = (0, 0);
            let mut admitted = Vec::new();
            for pause in pauses {
                now += pause;
                let available = rate.available(time, now);
                match rate.take(time, now) {
                    Ok(taken) => {
                        prop_assert!(available > 0);
                        admitted.push(now);
                        time = taken;
                    }
                    Err(wait) => {
                        prop_assert_eq!(available, 0);
                        let wait = u64::try_from(wait.as_nanos()).expect("short");
                        prop_assert!(wait > 0 && rate.take(time, now + wait).is_ok());
                        prop_assert!(rate.take(time, now + wait - 1).is_err());
                    }
                }
            }
            for (first, start) in admitted.iter().enumerate() {
                for (last, end) in admitted.iter().enumerate().skip(first) {
                    let most = u64::from(rate.burst()) + (end - start) / rate.period() + 1;
                    prop_assert!((last - first + 1) as u64 <= most);
                }
            }
        }
    }
}
