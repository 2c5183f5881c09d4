use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// After this many lookups in a row without an answer in time, PostgreSQL is not asked for a while.
const FAILURES: u32 = 3;

/// For so long. Then a single lookup tries again.
const PAUSE: Duration = Duration::from_secs(1);

/// A circuit breaker: while PostgreSQL is slow or away, requests do not wait for it one after the other. Callers pass the
/// current time.
#[derive(Default)]
pub(super) struct LookupBreaker(Mutex<State>);

#[derive(Default)]
struct State {
    failures: u32,
    /// When the next lookup may begin, if the breaker is open.
    open_until: Option<Instant>,
}

impl LookupBreaker {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a lookup may begin. If the breaker is open, this one is the probe, and the others wait for the next pause
    /// to end.
    pub(super) fn admits(&self, now: Instant) -> bool {
        let mut state = self.lock();
        match state.open_until {
            Some(until) if now < until => false,
            Some(_) => {
                state.open_until = Some(now + PAUSE);
                true
            }
            None => true,
        }
    }

    /// Records that PostgreSQL has answered in time. Closes the breaker.
    pub(super) fn succeeded(&self) {
        *self.lock() = State::default();
    }

    /// Records that it has not. Returns whether this opened the breaker.
    pub(super) fn failed(&self, now: Instant) -> bool {
        let mut state = self.lock();
        state.failures = state.failures.saturating_add(1);
        let opens = state.failures >= FAILURES && state.open_until.is_none();
        if state.failures >= FAILURES {
            state.open_until = Some(now + PAUSE);
        }
        opens
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_three_failures_in_a_row_one_lookup_a_second_is_tried() {
        let (breaker, now) = (LookupBreaker::default(), Instant::now());
        assert!(!breaker.failed(now) && !breaker.failed(now));
        breaker.succeeded();
        assert!(!breaker.failed(now) && !breaker.failed(now));
        assert!(breaker.admits(now));
        assert!(breaker.failed(now), "the third in a row");
        assert!(!breaker.admits(now));
        let later = now + PAUSE;
        assert!(breaker.admits(later), "the probe");
        assert!(!breaker.admits(later), "one at a time");
        assert!(!breaker.failed(later), "it is open already");
        assert!(!breaker.admits(later));
        let later = later + PAUSE;
        assert!(breaker.admits(later));
        breaker.succeeded();
        assert!(breaker.admits(later) && breaker.admits(later));
    }
}
