use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::message::Outgoing;

/// Limits the publishes in flight in number and in bytes, by one semaphore.
///
/// A publish takes at least one of `PUBLISH_MAX_IN_FLIGHT` permits, and one for each share of
/// `PUBLISH_MAX_BYTES_IN_FLIGHT` that it fills. So neither limit can be exceeded, except by a single message that is
/// larger than all shares together.
#[derive(Clone, Debug)]
pub(super) struct Permits {
    semaphore: Arc<Semaphore>,
    total: u32,
    /// The bytes that one permit stands for.
    share: usize,
}

impl Permits {
    pub(super) fn new(max_messages: usize, max_bytes: usize) -> Self {
        let total = u32::try_from(max_messages).unwrap_or(u32::MAX).max(1);
        Self {
            semaphore: Arc::new(Semaphore::new(total as usize)),
            total,
            share: (max_bytes / total as usize).max(1),
        }
    }

    /// How many permits the message takes.
    pub(super) fn weight(&self, message: &Outgoing) -> u32 {
        let shares = message.body.len().div_ceil(self.share).max(1);
        u32::try_from(shares).unwrap_or(u32::MAX).min(self.total)
    }

    /// Takes permits if they are free.
    pub(super) fn try_acquire(&self, weight: u32) -> Option<OwnedSemaphorePermit> {
        let semaphore = Arc::clone(&self.semaphore);
        semaphore.try_acquire_many_owned(weight).ok()
    }

    /// Waits for `weight` permits, and takes as many more as are free, up to `wanted`.
    pub(super) async fn acquire(
        &self,
        weight: u32,
        wanted: u32,
        deadline: Instant,
    ) -> Option<OwnedSemaphorePermit> {
        let needed = Arc::clone(&self.semaphore).acquire_many_owned(weight);
        let mut permit = timeout_at(deadline, needed).await.ok()?.ok()?;
        let free = u32::try_from(self.semaphore.available_permits()).unwrap_or(u32::MAX);
        let more = free.min(wanted.saturating_sub(weight));
        // Another publisher may have taken them meanwhile.
        if let Some(more) = self.try_acquire(more) {
            permit.merge(more);
        }
        Some(permit)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lapin::BasicProperties;

    use super::*;

    fn message(bytes: usize) -> Outgoing {
        Outgoing {
            exchange: "e".into(),
            routing_key: "k".into(),
            properties: BasicProperties::default(),
            body: vec![0; bytes].into(),
            trace: None,
        }
    }

    #[test]
    fn publishes_are_limited_in_number_and_in_bytes() {
        let permits = Permits::new(10, 10_000);
        let take = |bytes| permits.try_acquire(permits.weight(&message(bytes)));
        let small: Vec<_> = (0..10).map(|_| take(1)).collect();
        assert!(small.iter().all(Option::is_some));
        assert!(take(1).is_none(), "ten messages");
        drop(small);
        let large = take(9000);
        assert!(large.is_some());
        assert!(take(1001).is_none(), "more than ten thousand bytes");
        assert!(take(1000).is_some());
    }

    #[test]
    fn a_message_larger_than_all_permits_is_published_alone() {
        let permits = Permits::new(10, 10_000);
        let alone = permits.try_acquire(permits.weight(&message(50_000)));
        assert!(alone.is_some());
        assert!(permits.try_acquire(1).is_none());
    }

    #[tokio::test]
    async fn a_batch_takes_what_is_free_and_waits_for_what_it_needs() {
        let permits = Permits::new(10, 10_000);
        let deadline = Instant::now() + Duration::from_secs(5);
        let taken = permits.try_acquire(6).expect("free");
        let some = permits.acquire(1, 20, deadline).await.expect("in time");
        assert_eq!(some.num_permits(), 4);
        let now = Instant::now();
        assert!(permits.acquire(1, 1, now).await.is_none(), "none is free");
        drop((taken, some));
        assert!(permits.acquire(10, 10, deadline).await.is_some());
    }
}
