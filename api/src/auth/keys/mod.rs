//! API keys: all of them in memory, so that requests with a key do not wait for PostgreSQL.

mod known;
mod lookup;
mod reader;
mod usage;

use std::sync::Arc;
use std::time::Duration;

use tidings_db::Database;
use tidings_domain::access::ApiKeyId;
use tidings_runtime::tasks::Tasks;
use tokio_util::sync::CancellationToken;

use known::KnownKeys;
use reader::Reader;
use usage::Usage;

pub use lookup::{KeyOutcome, look_up};

/// Within how many seconds of its commit a change of a key is in force in all processes that reach PostgreSQL.
pub const EFFECTIVE_WITHIN_SECS: u32 = 2;

/// The keys, as this process last read them. While PostgreSQL is away, what is known stays in force.
#[derive(Clone)]
pub struct ApiKeys(Arc<Inner>);

struct Inner {
    known: KnownKeys,
    reader: Reader,
    usage: Usage,
}

impl ApiKeys {
    /// Starts the tasks that read the keys and record their use. `poll` is the time between two reads; it is at most a
    /// second, so that [`EFFECTIVE_WITHIN_SECS`] holds.
    pub fn start(
        database: &Database,
        poll: Duration,
        tasks: &mut Tasks,
        stop: &CancellationToken,
    ) -> Self {
        let keys = Self(Arc::new(Inner {
            known: KnownKeys::default(),
            reader: Reader::default(),
            usage: Usage::default(),
        }));
        let (reading, recording) = (keys.clone(), keys.clone());
        let (for_reading, for_recording) = (database.clone(), database.clone());
        let (stop_reading, stop_recording) = (stop.clone(), stop.clone());
        tasks.spawn("API keys", async move {
            let read = reading.0.reader.run(&reading.0.known, &for_reading, poll);
            stop_reading.run_until_cancelled(read).await;
        });
        tasks.spawn("use of API keys", async move {
            recording.0.usage.run(&for_recording, &stop_recording).await;
        });
        keys
    }

    /// Whether a key can be used, as far as this process knows. For what goes on after a request, such as a stream.
    pub fn is_live(&self, id: ApiKeyId) -> bool {
        self.0.known.contains(id)
    }

    /// Reads the keys soon, because this process has changed one.
    pub fn refresh(&self) {
        self.0.reader.refresh();
    }
}
