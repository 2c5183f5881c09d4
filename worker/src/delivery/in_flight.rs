use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use metrics::{Gauge, gauge};
use tidings_domain::notification::DeliveredChannel;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Sends count as quick if they hold their places for less than this, on average. More than a quick receiver takes while all
/// processors are busy.
const QUICK: Duration = Duration::from_millis(20);

/// The weight of the latest send in the average is one divided by this.
const WEIGHT: u64 = 8;

/// Counts the notifications of a channel that this process is sending.
pub(super) struct SendsInFlight {
    all: Gauge,
    /// Number of those that have a place among the sends of the channel, which all have but the long sends.
    with_place: AtomicUsize,
    /// How long sends hold their places on average, in microseconds.
    average: AtomicU64,
    none_with_place: Notify,
}

/// While this exists, one more is being sent.
pub(super) struct SendInFlight<'a> {
    sends: &'a SendsInFlight,
    started: Instant,
    has_place: AtomicBool,
}

impl SendsInFlight {
    /// At most `limit` are sent at once.
    pub(super) fn new(channel: DeliveredChannel, limit: usize) -> Self {
        let channel = channel.as_str();
        let limit = f64::from(u32::try_from(limit).unwrap_or(u32::MAX));
        gauge!("tidings_sends_in_flight_limit", "channel" => channel).set(limit);
        let all = gauge!("tidings_sends_in_flight", "channel" => channel);
        all.set(0.0);
        Self::counting(all)
    }

    const fn counting(all: Gauge) -> Self {
        Self {
            all,
            with_place: AtomicUsize::new(0),
            average: AtomicU64::new(0),
            none_with_place: Notify::const_new(),
        }
    }

    pub(super) fn begin(&self) -> SendInFlight<'_> {
        self.all.increment(1.0);
        self.with_place.fetch_add(1, Ordering::AcqRel);
        SendInFlight {
            sends: self,
            started: Instant::now(),
            has_place: AtomicBool::new(true),
        }
    }

    /// Waits until no send has a place. Does not wait while sends are slow: it is not known when one of them ends.
    pub(super) async fn quick_ones_end(&self) {
        loop {
            let none = self.none_with_place.notified();
            let is_quick = u128::from(self.average.load(Ordering::Relaxed)) < QUICK.as_micros();
            if !is_quick || self.with_place.load(Ordering::Acquire) == 0 {
                return;
            }
            none.await;
        }
    }

    /// Two sends that end at the same time may be counted as one: an estimate suffices.
    fn average_in(&self, duration: Duration) {
        let last = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX) / WEIGHT;
        let before = self.average.load(Ordering::Relaxed);
        let average = (before - before / WEIGHT).saturating_add(last);
        self.average.store(average, Ordering::Relaxed);
    }
}

impl SendInFlight<'_> {
    /// Records that the send has given its place to another one.
    pub(super) fn place_released(&self) {
        if self.has_place.swap(false, Ordering::AcqRel) {
            self.sends.average_in(self.started.elapsed());
            if self.sends.with_place.fetch_sub(1, Ordering::AcqRel) == 1 {
                self.sends.none_with_place.notify_waiters();
            }
        }
    }
}

impl Drop for SendInFlight<'_> {
    fn drop(&mut self) {
        self.place_released();
        self.sends.all.decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn sends() -> SendsInFlight {
        SendsInFlight::counting(Gauge::noop())
    }

    #[tokio::test(start_paused = true)]
    async fn quick_sends_are_waited_for_until_all_have_given_their_places_away() {
        let sends = sends();
        assert!(sends.quick_ones_end().now_or_never().is_some(), "no send");
        let (first, second) = (sends.begin(), sends.begin());
        let mut ended = std::pin::pin!(sends.quick_ones_end());
        assert!(ended.as_mut().now_or_never().is_none());
        first.place_released();
        drop(first);
        assert!(ended.as_mut().now_or_never().is_none());
        second.place_released();
        assert!(ended.as_mut().now_or_never().is_some(), "a long send");
    }

    #[tokio::test(start_paused = true)]
    async fn slow_sends_are_not_waited_for_until_sends_are_quick_again() {
        let sends = sends();
        let slow = sends.begin();
        tokio::time::advance(Duration::from_millis(250)).await;
        drop(slow);
        let running = sends.begin();
        assert!(sends.quick_ones_end().now_or_never().is_some());
        for _ in 0..20 {
            drop(sends.begin());
        }
        assert!(sends.quick_ones_end().now_or_never().is_none());
        drop(running);
    }
}
