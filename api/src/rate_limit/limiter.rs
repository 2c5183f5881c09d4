use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tidings_db::rate_buckets::{Lease, LeaseRequest};
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use super::bucket::{Bucket, Remaining};
use super::gcra::{Nanos, Rate};

/// Maximum number of callers that are kept in memory. Only callers with a valid token get there.
const MAX_CALLERS: usize = 65_536;

/// The buckets of the callers that this process has heard of lately.
pub(super) struct RateLimiter {
    start: Instant,
    buckets: Mutex<Buckets>,
    /// Notified if a bucket must be renewed.
    due: Notify,
}

#[derive(Default)]
struct Buckets {
    by_caller: HashMap<Uuid, Bucket>,
    /// The callers whose buckets must be renewed, each once.
    due: Vec<Uuid>,
}

/// A request to PostgreSQL for one caller.
#[derive(Clone, Copy, Debug)]
pub(super) struct Renewal {
    pub(super) request: LeaseRequest,
    /// What was not charged when the request was made.
    asked: u32,
}

/// A request was refused.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exhausted {
    /// How long it takes until a request is admitted.
    pub(super) wait: Duration,
}

impl Default for RateLimiter {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            buckets: Mutex::default(),
            due: Notify::new(),
        }
    }
}

impl RateLimiter {
    fn lock(&self) -> MutexGuard<'_, Buckets> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Nanos {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Takes one request of a caller. Returns what is left in any case.
    pub(super) fn take(&self, key: Uuid, rate: Rate) -> (Remaining, Result<(), Exhausted>) {
        self.change(key, rate, |bucket, now| {
            bucket.take(now).map_err(|wait| Exhausted { wait })
        })
    }

    /// Takes more requests of a caller without a check.
    pub(super) fn charge(&self, key: Uuid, rate: Rate, requests: u32) -> Remaining {
        let charge = |bucket: &mut Bucket, now| bucket.charge(requests, now);
        self.change(key, rate, charge).0
    }

    fn change<T>(
        &self,
        key: Uuid,
        rate: Rate,
        change: impl FnOnce(&mut Bucket, Nanos) -> T,
    ) -> (Remaining, T) {
        let now = self.now();
        let mut buckets = self.lock();
        let buckets = &mut *buckets;
        if buckets.by_caller.len() >= MAX_CALLERS && !buckets.by_caller.contains_key(&key) {
            buckets.make_room(now);
        }
        let bucket = buckets
            .by_caller
            .entry(key)
            .or_insert_with(|| Bucket::new(rate));
        // A key may get another limit.
        bucket.rate = rate;
        let result = change(bucket, now);
        let remaining = bucket.remaining(now);
        if bucket.begins_renewal() {
            buckets.due.push(key);
            self.due.notify_one();
        }
        (remaining, result)
    }

    /// Waits until a bucket must be renewed.
    pub(super) async fn until_due(&self) {
        self.due.notified().await;
    }

    /// Takes at most `max` requests to PostgreSQL.
    pub(super) fn take_due(&self, max: usize) -> Vec<Renewal> {
        let now = self.now();
        let mut buckets = self.lock();
        let count = buckets.due.len().min(max);
        let mut keys: Vec<Uuid> = buckets.due.drain(..count).collect();
        // One transaction may lock several rows, as others do.
        keys.sort_unstable();
        let renewal = |key: Uuid| {
            let bucket = buckets.by_caller.get(&key)?;
            let request = bucket.lease_request(key, now);
            let asked = bucket.uncharged();
            Some(Renewal { request, asked })
        };
        keys.into_iter().filter_map(renewal).collect()
    }

    /// Whether more requests to PostgreSQL are due.
    pub(super) fn has_due(&self) -> bool {
        !self.lock().due.is_empty()
    }

    /// Applies the answer to a request, which came at the time `at`.
    pub(super) fn apply(&self, renewal: Renewal, lease: Lease, at: Nanos) {
        let key = renewal.request.key;
        let mut buckets = self.lock();
        let Some(bucket) = buckets.by_caller.get_mut(&key) else {
            return;
        };
        bucket.apply(renewal.asked, lease, at);
        if bucket.is_renewing() {
            buckets.due.push(key);
            self.due.notify_one();
        }
    }

    /// Lets requests that were not answered be made again.
    pub(super) fn put_back(&self, renewals: &[Renewal]) {
        let keys = renewals.iter().map(|renewal| renewal.request.key);
        self.lock().due.extend(keys);
    }

    /// Forgets the callers that have their whole burst again.
    pub(super) fn remove_full(&self) {
        let now = self.now();
        self.lock().remove_full(now);
    }
}

impl Buckets {
    fn remove_full(&mut self, now: Nanos) {
        self.by_caller.retain(|_, bucket| !bucket.is_full(now));
    }

    /// Forgets everyone if nobody can be forgotten without a loss: PostgreSQL knows what was charged.
    fn make_room(&mut self, now: Nanos) {
        self.remove_full(now);
        if self.by_caller.len() >= MAX_CALLERS {
            self.by_caller.clear();
            self.due.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_limited_number_of_callers_is_kept() {
        let limiter = RateLimiter::default();
        let rate = Rate::per_minute(NonZeroU32::new(600).expect("not 0"));
        for nth in 0..=MAX_CALLERS {
            let (_, taken) = limiter.take(Uuid::from_u128(nth as u128), rate);
            assert!(taken.is_ok());
        }
        assert_eq!(limiter.lock().by_caller.len(), 1);
        assert_eq!(limiter.lock().due.len(), 1);
    }

    /// A batch is charged after it was admitted as one request, while PostgreSQL may be answering about that request.
    #[tokio::test(start_paused = true)]
    async fn what_is_charged_while_postgresql_answers_is_a_debt_at_once() {
        let limiter = RateLimiter::default();
        let rate = Rate::per_minute(NonZeroU32::new(600).expect("not 0"));
        let key = Uuid::from_u128(1);
        assert!(limiter.take(key, rate).1.is_ok());
        let due = limiter.take_due(10);
        limiter.charge(key, rate, 499);
        let lease = Lease {
            granted: 30,
            refilled_in: Duration::from_millis(3100),
        };
        limiter.apply(due[0], lease, limiter.now());
        let due = limiter.take_due(10);
        assert_eq!(due.len(), 1, "the rest of the debt is charged by itself");
        assert_eq!(due[0].request.admitted, 469);
        let (remaining, taken) = limiter.take(key, rate);
        // 500 requests take 50 s, of which the burst is 6 s.
        assert_eq!(
            taken.expect_err("a debt").wait,
            Duration::from_millis(44_100)
        );
        assert_eq!(remaining.requests, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_has_its_burst_again_is_forgotten() {
        let limiter = RateLimiter::default();
        let rate = Rate::per_minute(NonZeroU32::new(600).expect("not 0"));
        let key = Uuid::from_u128(1);
        assert!(limiter.take(key, rate).1.is_ok());
        let due = limiter.take_due(10);
        assert_eq!(due.len(), 1);
        limiter.remove_full();
        assert_eq!(limiter.lock().by_caller.len(), 1, "it is being charged");
        let lease = Lease {
            granted: 30,
            refilled_in: Duration::from_millis(3100),
        };
        limiter.apply(due[0], lease, limiter.now());
        limiter.remove_full();
        assert_eq!(limiter.lock().by_caller.len(), 1, "it is not full");
        tokio::time::advance(Duration::from_secs(4)).await;
        limiter.remove_full();
        assert_eq!(limiter.lock().by_caller.len(), 0);
    }
}
