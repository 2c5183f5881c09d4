use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A number of bytes that all connections of a program share.
#[derive(Debug)]
pub struct ByteBudget {
    max: usize,
    used: AtomicUsize,
}

/// Bytes taken from a [`ByteBudget`], until the value is dropped.
#[derive(Debug)]
pub struct Reservation {
    budget: Arc<ByteBudget>,
    bytes: usize,
}

impl ByteBudget {
    /// A budget of `max` bytes, all of them free.
    #[must_use]
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            max,
            used: AtomicUsize::new(0),
        })
    }

    /// Takes no bytes yet.
    #[must_use]
    pub fn reservation(self: &Arc<Self>) -> Reservation {
        Reservation {
            budget: Arc::clone(self),
            bytes: 0,
        }
    }

    /// Whether more than half of the bytes are taken.
    #[must_use]
    pub fn is_scarce(&self) -> bool {
        self.used.load(Ordering::Relaxed) > self.max / 2
    }

    /// Takes `bytes` unless more than `limit` bytes would then be taken.
    fn take(&self, bytes: usize, limit: usize) -> bool {
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        let fits = before.checked_add(bytes).is_some_and(|used| used <= limit);
        if !fits {
            self.used.fetch_sub(bytes, Ordering::Relaxed);
        }
        fits
    }
}

impl Reservation {
    /// Takes `bytes` more. Returns false, and takes none, if not so many are free.
    #[must_use]
    pub fn grow(&mut self, bytes: usize) -> bool {
        let limit = self.budget.max;
        self.grow_up_to(bytes, limit)
    }

    /// The same, but leaves a quarter of the budget to others: what is large must not keep out what is small.
    #[must_use]
    pub fn grow_large(&mut self, bytes: usize) -> bool {
        let limit = self.budget.max - self.budget.max / 4;
        self.grow_up_to(bytes, limit)
    }

    fn grow_up_to(&mut self, bytes: usize, limit: usize) -> bool {
        let fits = self.budget.take(bytes, limit);
        if fits {
            self.bytes += bytes;
        }
        fits
    }

    /// Moves all bytes that this value has taken to a new one.
    #[must_use]
    pub fn split_off(&mut self) -> Self {
        Self {
            budget: Arc::clone(&self.budget),
            bytes: std::mem::take(&mut self.bytes),
        }
    }

    /// The number of bytes taken.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Gives up to `bytes` back.
    pub fn shrink(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        if bytes > 0 {
            self.bytes -= bytes;
            self.budget.used.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.shrink(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_gives_no_more_bytes_than_it_has() {
        let budget = ByteBudget::new(100);
        let (mut one, mut two) = (budget.reservation(), budget.reservation());
        assert!(one.grow(60));
        assert!(budget.is_scarce());
        assert!(!two.grow(41));
        assert!(two.grow(40));
        one.shrink(10);
        assert!(two.grow(10));
        assert!(!two.grow(usize::MAX));
        drop(two);
        assert!(!budget.is_scarce());
        drop(one);
        assert!(budget.reservation().grow(100));
    }

    #[test]
    fn bytes_that_are_split_off_are_given_back_once() {
        let budget = ByteBudget::new(100);
        let mut one = budget.reservation();
        assert!(one.grow(60));
        let two = one.split_off();
        assert_eq!((one.bytes(), two.bytes()), (0, 60));
        drop(one);
        assert!(!budget.reservation().grow(41));
        drop(two);
        assert!(budget.reservation().grow(100));
    }

    #[test]
    fn what_is_large_leaves_a_quarter_to_others() {
        let budget = ByteBudget::new(100);
        let (mut large, mut small) = (budget.reservation(), budget.reservation());
        assert!(large.grow_large(75));
        assert!(!large.grow_large(1));
        assert!(small.grow(25));
    }
}
