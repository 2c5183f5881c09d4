use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::clients::ClientStats;
use crate::run_log::RunLog;

/// What all readers share.
pub struct ReadersContext {
    pub log: Arc<RunLog>,
    pub stats: Arc<ClientStats>,
    pub counts: ReaderCounts,
}

/// Counts what happens to readers.
#[derive(Debug, Default)]
pub struct ReaderCounts {
    /// Streams.
    pub streams: AtomicU64,
    /// Streams that continued after an id.
    pub resumed: AtomicU64,
    /// Events `reset`.
    pub resets: AtomicU64,
    /// Answered requests that mark notifications as read.
    pub marks: AtomicU64,
}

impl ReadersContext {
    /// Counts a response or an event that a valid request must not get, and logs the first of its kind.
    pub fn report_wrong(&self, what: &str, text: &str) {
        if self.stats.wrong(what) == 1 {
            self.log
                .info(format_args!("unexpected response: {what}: {text}"));
        }
    }
}
