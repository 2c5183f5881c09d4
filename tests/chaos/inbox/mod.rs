//! Users who read their inboxes by streams while faults are injected, and mark notifications as read.

mod counts_check;
mod event_stream;
mod inbox_client;
mod marker;
mod reader;
mod reader_state;
mod readers_context;

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::clients::{ApiClient, ClientStats};
use crate::rng::Rng;
use crate::run_log::RunLog;

use marker::Marker;
use reader::Reader;
pub use reader_state::ReaderRecord;
use reader_state::ReaderState;
use readers_context::{ReaderCounts, ReadersContext};

/// How long streams stay open, and how long a reader marks nothing, in milliseconds. Both are multiplied by the number of
/// readers divided by this many, so that many readers make no more requests than few.
const STAY: RangeInclusive<u64> = 5_000..=60_000;
const MARK: RangeInclusive<u64> = 2_000..=15_000;
const FEW: u64 = 20;

/// Settings of the readers.
pub struct ReaderSettings<'a> {
    pub log: Arc<RunLog>,
    pub stats: Arc<ClientStats>,
    pub users: &'a [Uuid],
    /// The ports of the API processes.
    pub api_ports: Vec<u16>,
    pub seed: u64,
}

/// Readers that are running.
pub struct Readers {
    context: Arc<ReadersContext>,
    apis: Vec<ApiClient>,
    states: Vec<(Uuid, Arc<ReaderState>)>,
    stop_marks: CancellationToken,
    stop_streams: CancellationToken,
    marks: TaskTracker,
    streams: TaskTracker,
}

/// What readers did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReaderSummary {
    pub readers: usize,
    pub streams: u64,
    pub resumed: u64,
    pub resets: u64,
    pub marks: u64,
    /// Readers whose `counts` were wrong at the end. `None` if they were not checked.
    pub wrong_counts: Option<usize>,
}

impl Readers {
    /// Starts to read.
    pub fn start(settings: &ReaderSettings<'_>) -> anyhow::Result<Self> {
        let ports = settings.api_ports.iter();
        let apis: anyhow::Result<Vec<_>> = ports.map(|port| ApiClient::at(*port)).collect();
        let users = settings.users.iter();
        let readers = Self {
            context: Arc::new(ReadersContext {
                log: Arc::clone(&settings.log),
                stats: Arc::clone(&settings.stats),
                counts: ReaderCounts::default(),
            }),
            apis: apis?,
            states: users
                .map(|user| (*user, Arc::new(ReaderState::default())))
                .collect(),
            stop_marks: CancellationToken::new(),
            stop_streams: CancellationToken::new(),
            marks: TaskTracker::new(),
            streams: TaskTracker::new(),
        };
        let mut rng = Rng::new(settings.seed);
        for nth in 0..readers.states.len() {
            let reader = readers.reader(nth, rng.split());
            let marker = Marker {
                apis: reader.apis.clone(),
                state: Arc::clone(&reader.state),
                context: Arc::clone(&readers.context),
                rng: rng.split(),
                pause: readers.scaled(nth, MARK),
            };
            let [stop_marks, stop_streams] =
                [&readers.stop_marks, &readers.stop_streams].map(CancellationToken::clone);
            readers
                .streams
                .spawn(reader.read(stop_marks.clone(), stop_streams));
            readers.marks.spawn(marker.mark(stop_marks));
        }
        Ok(readers)
    }

    fn reader(&self, nth: usize, rng: Rng) -> Reader {
        let (user, state) = &self.states[nth];
        Reader {
            user: *user,
            apis: self.apis.iter().map(|api| api.of_user(*user)).collect(),
            state: Arc::clone(state),
            context: Arc::clone(&self.context),
            rng,
            stays: self.scaled(nth, STAY),
            retry: None,
        }
    }

    /// The first reader, who gets most notifications, is as quick as if there were few readers.
    fn scaled(&self, nth: usize, range: RangeInclusive<u64>) -> RangeInclusive<u64> {
        let readers = u64::try_from(self.states.len()).unwrap_or(u64::MAX);
        let factor = if nth == 0 { 1 } else { (readers / FEW).max(1) };
        range.start() * factor..=range.end() * factor
    }

    /// What each reader has seen and done so far.
    pub fn records(&self) -> HashMap<Uuid, ReaderRecord> {
        let records = self.states.iter();
        records
            .map(|(user, state)| (*user, state.lock().clone()))
            .collect()
    }

    /// Lets all readers stay and mark nothing more. Waits for at most `limit` until each request that marks is answered, and
    /// returns how many are not.
    pub async fn finish_marks(&self, limit: Duration) -> usize {
        self.stop_marks.cancel();
        self.marks.close();
        match timeout(limit, self.marks.wait()).await {
            Ok(()) => 0,
            Err(_) => self.marks.len(),
        }
    }

    /// Ends all streams.
    pub async fn finish_streams(&self) {
        self.stop_streams.cancel();
        self.streams.close();
        self.streams.wait().await;
    }

    /// Returns what they did.
    pub fn summary(&self) -> ReaderSummary {
        let read = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
        let counts = &self.context.counts;
        ReaderSummary {
            readers: self.states.len(),
            streams: read(&counts.streams),
            resumed: read(&counts.resumed),
            resets: read(&counts.resets),
            marks: read(&counts.marks),
            wrong_counts: None,
        }
    }
}
