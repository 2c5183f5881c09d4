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
