use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The place of a batch among those that a consumer processes at once, until it is released or dropped.
#[derive(Debug, Default)]
pub struct Place(Mutex<Option<OwnedSemaphorePermit>>);

impl Place {
    /// Takes one of the places, if one is free.
    pub(super) fn take(places: &Arc<Semaphore>) -> Option<Self> {
        let permit = Arc::clone(places).try_acquire_owned().ok()?;
        Some(Self(Mutex::new(Some(permit))))
    }

    /// Lets the next batch start.
    pub fn release(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// A place that several parts of a batch need. It is released once none of them needs it any more.
#[derive(Debug)]
pub struct SharedPlace<'a> {
    place: &'a Place,
    holders: AtomicUsize,
}

impl<'a> SharedPlace<'a> {
    /// Shares `place` among this many holders. Each of them must call [`Self::let_go`] exactly once.
    #[must_use]
    pub const fn new(place: &'a Place, holders: usize) -> Self {
        Self {
            place,
            holders: AtomicUsize::new(holders),
        }
    }

    /// Records that a holder no longer needs the place. The last one releases it. Returns whether this is the last one.
    pub fn let_go(&self) -> bool {
        let is_last = self.holders.fetch_sub(1, Ordering::AcqRel) == 1;
        if is_last {
            self.place.release();
        }
        is_last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_place_is_released_by_its_last_holder() {
        let places = Arc::new(Semaphore::new(1));
        let place = Place::take(&places).expect("a place");
        let shared = SharedPlace::new(&place, 2);
        assert!(!shared.let_go());
        assert_eq!(places.available_permits(), 0);
        assert!(shared.let_go());
        assert_eq!(places.available_permits(), 1);
    }
}
