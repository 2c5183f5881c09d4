//! The figures of this process. [`events`] counts them, together with the metrics of the same events; a task of `tidings-db`
//! takes them with [`take`] and adds them to the tables.

mod counters;
pub mod events;
mod unsaved;

pub use counters::Counters;
pub use unsaved::{MAX_FIGURES, Unsaved};

/// The figures that this process has counted and that no task has taken.
static COUNTERS: Counters = Counters::new();

/// Takes all figures that were counted since the last call.
#[must_use]
pub fn take() -> Unsaved {
    COUNTERS.take()
}
