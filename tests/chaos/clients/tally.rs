use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::gaps::Gaps;

/// What the clients got, counted as it comes.
pub struct Tally {
    accepted: AtomicU64,
    refused: AtomicU64,
    unanswered: AtomicU64,
    skipped: AtomicU64,
    /// What no right request must get, and how often it was got.
    wrong: Mutex<BTreeMap<String, u64>>,
    gaps: Mutex<Gaps>,
    /// For each process of the API, since somebody looks closely.
    close_look: Mutex<Vec<Gaps>>,
}

impl Tally {
    /// For `apis` processes of the API.
    pub fn begin(apis: usize) -> Self {
        let now = Gaps::from(Instant::now());
        Self {
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            unanswered: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            wrong: Mutex::default(),
            close_look: Mutex::new(vec![now.clone(); apis]),
            gaps: Mutex::new(now),
        }
    }

    /// A 202 of process `api`.
    pub(super) fn accepted(&self, api: usize) {
        let now = Instant::now();
        self.accepted.fetch_add(1, Ordering::Relaxed);
        lock(&self.gaps).note(now);
        if let Some(gaps) = lock(&self.close_look).get_mut(api) {
            gaps.note(now);
        }
    }

    pub(super) fn refused(&self, tries: usize) {
        add(&self.refused, tries);
    }

    pub(super) fn unanswered(&self, tries: usize) {
        add(&self.unanswered, tries);
    }

    /// Returns how often this has been got.
    pub(super) fn wrong(&self, what: &str) -> u64 {
        let mut wrong = lock(&self.wrong);
        let times = wrong.entry(what.to_owned()).or_default();
        *times += 1;
        *times
    }

    /// What clients got that no right request must get, and how often.
    pub fn wrong_answers(&self) -> BTreeMap<String, u64> {
        lock(&self.wrong).clone()
    }

    pub(super) fn skipped(&self) {
        self.skipped.fetch_add(1, Ordering::Relaxed);
    }

    /// All counts so far.
    pub fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            accepted: read(&self.accepted),
            refused: read(&self.refused),
            unanswered: read(&self.unanswered),
            skipped: read(&self.skipped),
        }
    }

    /// Begins to look closely.
    pub fn look_closely(&self) {
        let now = Instant::now();
        lock(&self.close_look).fill(Gaps::from(now));
    }

    /// The longest time that a process of the API has given no 202 since then, until `end`.
    pub fn longest_close_gap(&self, end: Instant) -> Duration {
        let gaps = lock(&self.close_look);
        let longest = gaps.iter().map(|gaps| gaps.longest(end)).max();
        longest.unwrap_or_default()
    }

    /// The longest time without a 202 until `end`.
    pub fn longest_gap(&self, end: Instant) -> Duration {
        lock(&self.gaps).longest(end)
    }
}

/// What the clients got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// 202s.
    pub accepted: u64,
    /// 503s.
    pub refused: u64,
    /// Tries without an answer.
    pub unanswered: u64,
    /// Notifications that were not posted, because too many waited for an answer.
    pub skipped: u64,
}

fn add(count: &AtomicU64, more: usize) {
    let more = u64::try_from(more).unwrap_or(u64::MAX);
    count.fetch_add(more, Ordering::Relaxed);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
