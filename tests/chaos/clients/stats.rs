use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::gaps::{Gap, Gaps};

/// Counts the responses that the clients get.
pub struct ClientStats {
    accepted: AtomicU64,
    refused: AtomicU64,
    unanswered: AtomicU64,
    skipped: AtomicU64,
    expired: AtomicU64,
    /// Responses that a valid request must not get, and how often they came.
    wrong: Mutex<BTreeMap<String, u64>>,
    gaps: Mutex<Gaps>,
    /// The gaps of each API process since the start of the observation window.
    window: Mutex<Vec<Gaps>>,
}

impl ClientStats {
    /// Starts to count for `apis` API processes.
    pub fn new(apis: usize) -> Self {
        let now = Gaps::from(Instant::now());
        Self {
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            unanswered: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            expired: AtomicU64::new(0),
            wrong: Mutex::default(),
            window: Mutex::new(vec![now.clone(); apis]),
            gaps: Mutex::new(now),
        }
    }

    /// Records a 202 of process `api`.
    pub(super) fn accepted(&self, api: usize) {
        let now = Instant::now();
        self.accepted.fetch_add(1, Ordering::Relaxed);
        lock(&self.gaps).record(now);
        if let Some(gaps) = lock(&self.window).get_mut(api) {
            gaps.record(now);
        }
    }

    pub(super) fn refused(&self, attempts: usize) {
        add(&self.refused, attempts);
    }

    pub(super) fn unanswered(&self, attempts: usize) {
        add(&self.unanswered, attempts);
    }

    /// Records an unexpected response. Returns how often it has come.
    pub fn wrong(&self, what: &str) -> u64 {
        let mut wrong = lock(&self.wrong);
        let times = wrong.entry(what.to_owned()).or_default();
        *times += 1;
        *times
    }

    /// Returns the unexpected responses, and how often each has come.
    pub fn wrong_answers(&self) -> BTreeMap<String, u64> {
        lock(&self.wrong).clone()
    }

    pub(super) fn skipped(&self) {
        self.skipped.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn expired(&self) {
        self.expired.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns all counts so far.
    pub fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            accepted: read(&self.accepted),
            refused: read(&self.refused),
            unanswered: read(&self.unanswered),
            skipped: read(&self.skipped),
            expired: read(&self.expired),
        }
    }

    /// Starts the observation window.
    pub fn start_window(&self) {
        let now = Instant::now();
        lock(&self.window).fill(Gaps::from(now));
    }

    /// Returns the longest time without a 202 of an API process from the start of the window to `end`.
    pub fn longest_gap_in_window(&self, end: Instant) -> Duration {
        let gaps = lock(&self.window);
        let longest = gaps.iter().map(|gaps| gaps.longest(end)).max();
        longest.unwrap_or_default()
    }

    /// Returns the long times without a 202 until `end`.
    pub fn gaps(&self, end: Instant) -> Vec<Gap> {
        lock(&self.gaps).all(end)
    }
}

/// The responses that the clients got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Responses with status 202.
    pub accepted: u64,
    /// Responses with status 503.
    pub refused: u64,
    /// Attempts without a response.
    pub unanswered: u64,
    /// Notifications that were not posted because too many were pending.
    pub skipped: u64,
    /// Notifications that were refused because their time was over.
    pub expired: u64,
}

fn add(count: &AtomicU64, more: usize) {
    let more = u64::try_from(more).unwrap_or(u64::MAX);
    count.fetch_add(more, Ordering::Relaxed);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
