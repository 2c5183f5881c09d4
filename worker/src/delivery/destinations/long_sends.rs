use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A send that has waited for its answer for this long is a long send, if there is room for one more. Shorter than
/// `PERMIT_TIMEOUT`, so that a message that waits for a permit gets it before it is deferred.
pub(super) const LONG_AFTER: Duration = Duration::from_millis(250);

/// Maximum number of long sends for each send that the channel may have in progress.
const PER_SEND: usize = 8;

/// A message that occupies more memory takes the room of several. Bounds the memory of all long sends.
const ROOM_BYTES: usize = 64 * 1024;

/// The room for long sends: they only wait for their answers, so many more of them may be in progress than the channel
/// begins at a time.
pub(super) struct LongSends {
    rooms: Arc<Semaphore>,
    max: usize,
}

/// The room of one long send, until it is dropped.
pub(super) struct LongSendRoom {
    _rooms: OwnedSemaphorePermit,
}

impl LongSends {
    /// `concurrency` is the channel's maximum number of concurrent sends.
    pub(super) fn new(concurrency: usize) -> Self {
        gauge!("tidings_webhook_long_sends").set(0.0);
        let max = concurrency.saturating_mul(PER_SEND);
        Self {
            rooms: Arc::new(Semaphore::new(max)),
            max,
        }
    }

    /// Maximum number of long sends.
    pub(super) const fn max(&self) -> usize {
        self.max
    }

    /// Maximum number of sends in progress to destinations that hung before. The others are for destinations that
    /// begin to hang.
    pub(super) const fn max_to_hanging(&self) -> usize {
        self.max / 2
    }

    /// Takes the room for a message that occupies so many bytes, if it is free.
    pub(super) fn take(&self, bytes: usize) -> Option<LongSendRoom> {
        let rooms = bytes.div_ceil(ROOM_BYTES).clamp(1, self.max);
        let rooms = u32::try_from(rooms).ok()?;
        let rooms = Arc::clone(&self.rooms).try_acquire_many_owned(rooms).ok()?;
        gauge!("tidings_webhook_long_sends").increment(1.0);
        Some(LongSendRoom { _rooms: rooms })
    }
}

impl Drop for LongSendRoom {
    fn drop(&mut self) {
        gauge!("tidings_webhook_long_sends").decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sends_are_limited_in_number_and_in_bytes() {
        let sends = LongSends::new(2);
        let mut taken: Vec<_> = std::iter::from_fn(|| sends.take(100)).collect();
        assert_eq!(taken.len(), 16);
        taken.truncate(12);
        assert!(sends.take(5 * ROOM_BYTES).is_none());
        assert!(sends.take(4 * ROOM_BYTES).is_some());
        taken.clear();
        let largest = sends.take(usize::MAX);
        assert!(largest.is_some() && sends.take(0).is_none());
    }
}
