use std::sync::atomic::{AtomicU64, Ordering};

use crate::declare::QueueCounts;

/// What the broker has said last about a queue: the depth in the lower half, the consumers in the upper one.
pub(super) struct LastCounts(AtomicU64);

impl LastCounts {
    /// Not known. No queue has so many messages and consumers.
    const UNKNOWN: u64 = u64::MAX;

    pub(super) const fn new() -> Self {
        Self(AtomicU64::new(Self::UNKNOWN))
    }

    pub(super) fn get(&self) -> Option<QueueCounts> {
        let counts = self.0.load(Ordering::Relaxed);
        let half = |number: u64| u32::try_from(number & u64::from(u32::MAX)).unwrap_or(0);
        (counts != Self::UNKNOWN).then(|| QueueCounts {
            messages: half(counts),
            consumers: half(counts >> 32),
        })
    }

    pub(super) fn set(&self, counts: Option<QueueCounts>) {
        let counts =
            counts.map(|counts| (u64::from(counts.consumers) << 32) | u64::from(counts.messages));
        self.0
            .store(counts.unwrap_or(Self::UNKNOWN), Ordering::Relaxed);
    }

    pub(super) fn depth(&self) -> u32 {
        self.get().map_or(0, |counts| counts.messages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_counts_are_known_or_not() {
        let last = LastCounts::new();
        assert_eq!((last.get(), last.depth()), (None, 0));
        for messages in [0, 7, u32::MAX] {
            let consumers = 2;
            let counts = QueueCounts {
                messages,
                consumers,
            };
            last.set(Some(counts));
            assert_eq!(last.get(), Some(counts));
            assert_eq!(last.depth(), messages);
        }
        last.set(None);
        assert_eq!(last.get(), None);
    }
}
