use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::inbox_client::Page;
use crate::verify::Period;

/// What a reader has seen and done. This program is never killed during a run, so memory is safe.
#[derive(Default)]
pub struct ReaderState(Mutex<ReaderRecord>);

/// The record of a reader.
#[derive(Clone, Debug, Default)]
pub struct ReaderRecord {
    /// The notifications that a stream or a list has shown.
    pub seen: HashSet<Uuid>,
    /// When a list was last asked for that has shown a notification which can expire, and when it arrived.
    pub listed: HashMap<Uuid, Period>,
    /// Those that an answer says are read.
    pub read: HashSet<Uuid>,
    /// Those that may be read: a request is not answered, or its position may not have included them.
    pub maybe_read: HashSet<Uuid>,
    /// The position of the stream.
    pub last_id: Option<String>,
    /// Whether the list must be read again.
    pub is_outdated: bool,
}

impl ReaderState {
    pub fn lock(&self) -> MutexGuard<'_, ReaderRecord> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReaderRecord {
    /// Records what a list has shown.
    pub fn add_page(&mut self, page: &Page) {
        self.seen.extend(&page.ids);
        for id in &page.expiring {
            let last = self.listed.entry(*id).or_insert(page.times);
            if page.times.from > last.from {
                *last = page.times;
            }
        }
    }

    /// Returns up to `count` notifications that have been seen and that nobody has marked.
    pub fn unmarked(&self, count: usize) -> Vec<Uuid> {
        let unmarked = |id: &&Uuid| !self.read.contains(id) && !self.maybe_read.contains(id);
        self.seen
            .iter()
            .filter(unmarked)
            .take(count)
            .copied()
            .collect()
    }

    /// Records that a request is about to mark these as read.
    pub fn begin_marks(&mut self, ids: &[Uuid]) {
        let unread = ids.iter().filter(|id| !self.read.contains(id));
        self.maybe_read.extend(unread);
    }

    /// Records that these are read, as an answer says.
    pub fn mark_read(&mut self, ids: &[Uuid]) {
        for id in ids {
            self.maybe_read.remove(id);
            self.read.insert(*id);
        }
    }
}
