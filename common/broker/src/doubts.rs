use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// Failures in a row after which a connection is given up though it looks alive. RabbitMQ 3.10
/// nacks every publish on a channel that was opened before a queue had its new leader, until the
/// old leader's node is back; only another channel helps.
const FAILURES_IN_A_ROW: u32 = 20;

/// How long publishes may go on timing out on a connection whose node answers. A cluster takes up to
/// 10 s to see that a queue's leader stands still and to choose another, which then takes over what
/// was published on the channels that it knows. To come with a new channel meanwhile would be worse:
/// RabbitMQ 3.10 lets it wait for the old leader.
const TIMING_OUT: Duration = Duration::from_secs(10);

/// What publishes tell of their connection.
#[derive(Debug)]
pub(super) struct Doubts {
    opened: Instant,
    failures_in_a_row: AtomicU32,
    /// When the first publish timed out after the last that did not, as [`Doubts::now`] tells it; 0
    /// where there is none.
    timing_out_since: AtomicU64,
    /// Whether the broker has run short of memory or disk.
    blocked: AtomicBool,
    raised: Notify,
}

impl Default for Doubts {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a connection may be of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// [`FAILURES_IN_A_ROW`].
    Failures,
    /// Publishes have been timing out for [`TIMING_OUT`].
    Silence,
    /// A publish has timed out: it may be the queue that does not answer, or the node itself.
    TimeOut,
}

impl Doubts {
    pub(super) fn new() -> Self {
        Self {
            opened: Instant::now(),
            failures_in_a_row: AtomicU32::new(0),
            timing_out_since: AtomicU64::new(0),
            blocked: AtomicBool::new(false),
            raised: Notify::new(),
        }
    }

    /// Notes what the broker has said of a publish.
    pub(super) fn told(&self, positive: bool) {
        if positive {
            self.lift();
        } else {
            self.refused();
        }
    }

    fn lift(&self) {
        self.failures_in_a_row.store(0, Ordering::Relaxed);
        self.timing_out_since.store(0, Ordering::Relaxed);
    }

    fn refused(&self) {
        if self.blocked.load(Ordering::Relaxed) {
            self.lift();
        } else if self.failures_in_a_row.fetch_add(1, Ordering::Relaxed) + 1 == FAILURES_IN_A_ROW {
            self.raised.notify_one();
        }
    }

    /// Notes that a publish was not confirmed in time.
    pub(super) fn timed_out(&self) {
        if self.blocked.load(Ordering::Relaxed) {
            self.lift();
            return;
        }
        let since = &self.timing_out_since;
        let now = self.now();
        let _ = since.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
        self.raised.notify_one();
    }

    /// Notes whether the broker takes publishes: one that is short of memory is not helped by another
    /// connection.
    pub(super) fn set_blocked(&self, blocked: bool) {
        self.blocked.store(blocked, Ordering::Relaxed);
    }

    /// Waits until there is one.
    pub(super) async fn next(&self) -> Doubt {
        self.raised.notified().await;
        let timing_out = match self.timing_out_since.load(Ordering::Relaxed) {
            0 => 0,
            since => self.now().saturating_sub(since),
        };
        if self.failures_in_a_row.load(Ordering::Relaxed) >= FAILURES_IN_A_ROW {
            Doubt::Failures
        } else if Duration::from_millis(timing_out) >= TIMING_OUT {
            Doubt::Silence
        } else {
            Doubt::TimeOut
        }
    }

    /// In milliseconds, and never 0.
    fn now(&self) -> u64 {
        let elapsed = u64::try_from(self.opened.elapsed().as_millis());
        elapsed.map_or(u64::MAX, |elapsed| elapsed.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, timeout};

    use super::*;

    /// The doubt that there is by now.
    async fn doubt(doubts: &Doubts) -> Option<Doubt> {
        timeout(Duration::ZERO, doubts.next()).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn many_refusals_in_a_row_raise_one() {
        let doubts = Doubts::new();
        for _ in 1..FAILURES_IN_A_ROW {
            doubts.refused();
        }
        doubts.told(true);
        doubts.refused();
        assert_eq!(doubt(&doubts).await, None, "not in a row");
        for _ in 1..FAILURES_IN_A_ROW {
            doubts.refused();
        }
        assert_eq!(doubt(&doubts).await, Some(Doubt::Failures));
    }

    #[tokio::test(start_paused = true)]
    async fn publishes_that_time_out_raise_one_at_once_and_another_when_that_goes_on() {
        let doubts = Doubts::new();
        for _ in 0..100 {
            doubts.timed_out();
        }
        assert_eq!(doubt(&doubts).await, Some(Doubt::TimeOut));
        advance(TIMING_OUT).await;
        assert_eq!(doubt(&doubts).await, None, "nothing new");
        doubts.timed_out();
        assert_eq!(doubt(&doubts).await, Some(Doubt::Silence));
        doubts.lift();
        doubts.timed_out();
        assert_eq!(doubt(&doubts).await, Some(Doubt::TimeOut));
    }

    #[tokio::test(start_paused = true)]
    async fn a_broker_that_is_short_of_memory_raises_none() {
        let doubts = Doubts::new();
        doubts.set_blocked(true);
        for _ in 0..FAILURES_IN_A_ROW {
            doubts.refused();
            doubts.timed_out();
        }
        assert_eq!(doubt(&doubts).await, None);
        doubts.set_blocked(false);
        doubts.timed_out();
        assert_eq!(doubt(&doubts).await, Some(Doubt::TimeOut));
    }
}
