//! What one process knows about the bucket of one caller. Contains only pure functions.

use std::time::Duration;

use tidings_db::rate_buckets::{Lease, LeaseRequest};
use uuid::Uuid;

use super::gcra::{Nanos, Rate};

/// The share of one process in the bucket of a caller.
///
/// The bucket itself is a row in PostgreSQL. The process leases requests from it in advance and spends them without asking.
/// If it has none left, it admits a request on the strength of what it last heard about the bucket, and charges the bucket
/// for it within milliseconds. So no request waits for PostgreSQL, and without PostgreSQL each process grants the full
/// limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bucket {
    pub(super) rate: Rate,
    /// When everything that is known to be taken is refilled, the leased and the admitted requests included.
    time: Nanos,
    /// What is left of the leases.
    leased: u32,
    /// Requests that were admitted without a lease and not charged yet.
    uncharged: u32,
    /// Whether a request to PostgreSQL is due or under way.
    renewing: bool,
}

/// What is left for a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remaining {
    /// How many requests are admitted at once.
    pub requests: u32,
    /// The time until the whole burst is available.
    pub refilled_in: Duration,
}

impl Bucket {
    pub(super) const fn new(rate: Rate) -> Self {
        Self {
            rate,
            time: 0,
            leased: 0,
            uncharged: 0,
            renewing: false,
        }
    }

    /// Takes one request.
    ///
    /// # Errors
    ///
    /// Returns how long it takes until a request is admitted.
    pub(super) fn take(&mut self, now: Nanos) -> Result<(), Duration> {
        self.lapse(now);
        if self.leased > 0 {
            self.leased -= 1;
        } else {
            self.time = self.rate.take(self.time, now)?;
            self.uncharged = self.uncharged.saturating_add(1);
        }
        Ok(())
    }

    /// Takes more requests without a check: what a batch costs beyond the one request that it was admitted as.
    pub(super) fn charge(&mut self, requests: u32, now: Nanos) {
        self.lapse(now);
        let from_lease = requests.min(self.leased);
        self.leased -= from_lease;
        let rest = requests - from_lease;
        if rest > 0 {
            self.time = self.rate.charged(self.time, rest, now);
            self.uncharged = self.uncharged.saturating_add(rest);
        }
    }

    /// Leases end when the bucket is full again as if they had been spent: otherwise each process could keep some beside the
    /// full burst.
    fn lapse(&mut self, now: Nanos) {
        if self.time <= now {
            self.leased = 0;
        }
    }

    pub(super) fn remaining(&self, now: Nanos) -> Remaining {
        let leased = if self.time <= now { 0 } else { self.leased };
        let requests = leased.saturating_add(self.rate.available(self.time, now));
        Remaining {
            requests: requests.min(self.rate.burst()),
            refilled_in: Duration::from_nanos(self.time.saturating_sub(now)),
        }
    }

    /// Whether the bucket of this caller says nothing that a new one would not.
    pub(super) const fn is_full(&self, now: Nanos) -> bool {
        self.time <= now && !self.renewing && self.uncharged == 0
    }

    /// Whether PostgreSQL must be asked and is not asked yet. If so, counts as asked from now on.
    pub(super) fn begins_renewal(&mut self) -> bool {
        let due = self.uncharged > 0 || self.leased <= self.rate.lease() / 2;
        let begins = due && !self.renewing;
        self.renewing |= begins;
        begins
    }

    /// What to ask PostgreSQL for.
    pub(super) fn lease_request(&self, key: Uuid, now: Nanos) -> LeaseRequest {
        // Of what was admitted during a long outage, most is refilled.
        let ahead = self.time.saturating_sub(now).div_ceil(self.rate.period());
        let ahead = u32::try_from(ahead).unwrap_or(u32::MAX);
        let most = ahead.saturating_add(self.rate.burst());
        LeaseRequest {
            key,
            period: Duration::from_nanos(self.rate.period()),
            burst: self.rate.burst(),
            admitted: self.uncharged.min(most),
            wanted: self.rate.lease().saturating_sub(self.leased),
        }
    }

    /// Applies the answer to a request. `asked` is what was not charged at that time. If another request is due because of
    /// what was admitted meanwhile, the bucket counts as asked for.
    pub(super) fn apply(&mut self, asked: u32, lease: Lease, now: Nanos) {
        self.uncharged = self.uncharged.saturating_sub(asked);
        self.leased = self.leased.saturating_add(lease.granted);
        // What was admitted while PostgreSQL answered takes its share first: a caller in debt has no leased requests.
        let from_lease = self.uncharged.min(self.leased);
        self.leased -= from_lease;
        self.uncharged -= from_lease;
        let refilled_in = u64::try_from(lease.refilled_in.as_nanos()).unwrap_or(u64::MAX);
        let time = now.saturating_add(refilled_in);
        self.time = time.saturating_add(self.rate.time_of(self.uncharged));
        // The rest is charged at once, not at the next request of the caller: other processes must know of it.
        self.renewing = self.uncharged > 0;
    }

    pub(super) const fn is_renewing(&self) -> bool {
        self.renewing
    }

    pub(super) const fn uncharged(&self) -> u32 {
        self.uncharged
    }
}

#[cfg(test)]
mod tests;
