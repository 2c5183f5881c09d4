use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use tidings_domain::statistics::{Figure, Tally};

use super::unsaved::{MAX_FIGURES, Unsaved};

/// The number of maps. Threads use different ones, so that they rarely wait for each other.
const SHARDS: usize = 8;

type Shard = Mutex<HashMap<Figure, Tally>>;

/// Counts figures. To count an event takes an uncontended lock and a lookup in a small map.
pub struct Counters(LazyLock<[Shard; SHARDS]>);

impl Counters {
    /// No figures.
    #[must_use]
    pub const fn new() -> Self {
        Self(LazyLock::new(Default::default))
    }

    /// Changes the tally of a figure. Counts nothing if nobody has taken figures for so long that there are too many.
    pub fn update(&self, figure: Figure, change: impl FnOnce(&mut Tally)) {
        let mut shard = lock(&self.0[shard_of_thread()]);
        if shard.len() < MAX_FIGURES || shard.contains_key(&figure) {
            change(shard.entry(figure).or_default());
        }
    }

    /// Takes all figures.
    #[must_use]
    pub fn take(&self) -> Unsaved {
        let mut all = Unsaved::default();
        for shard in self.0.iter() {
            let taken = std::mem::take(&mut *lock(shard));
            all.add(taken);
        }
        all
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self::new()
    }
}

fn lock(shard: &Shard) -> std::sync::MutexGuard<'_, HashMap<Figure, Tally>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The shard of this thread.
fn shard_of_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: Cell<Option<usize>> = const { Cell::new(None) };
    }
    OWN.with(|own| {
        let shard = own
            .get()
            .unwrap_or_else(|| NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
        own.set(Some(shard));
        shard
    })
}

#[cfg(test)]
mod tests {
    use tidings_domain::notification::Channel;
    use tidings_domain::statistics::Measure;

    use super::*;

    #[test]
    fn the_threads_figures_add_up_and_are_taken_once() {
        let counters = Counters::new();
        let figure = |minute| Figure {
            minute,
            channel: Some(Channel::Sms),
            measure: Measure::Accepted,
            label: "".into(),
        };
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    for n in 0..1000 {
                        counters.update(figure(n % 2), |tally| tally.add(1));
                    }
                });
            }
        });
        let taken = counters.take();
        let counts: Vec<_> = taken
            .iter()
            .map(|(figure, tally)| (figure.minute, tally.n))
            .collect();
        assert_eq!(counts, [(0, 8000), (1, 8000)]);
        assert!(counters.take().is_empty());
    }
}
