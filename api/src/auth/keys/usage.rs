use std::collections::HashMap;
use std::mem::take;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tidings_db::{Database, api_keys};
use tidings_domain::access::ApiKeyId;
use tokio_util::sync::CancellationToken;

/// How often the use of keys is recorded.
const INTERVAL: Duration = Duration::from_secs(5);

/// How many keys one statement records.
const MAX_KEYS: usize = 1000;

/// How long the last record may take, so that it does not delay the stop.
const LAST_TIMEOUT: Duration = Duration::from_secs(2);

/// When keys were used, as far as it is not recorded yet. Has at most one entry a key.
#[derive(Default)]
pub(super) struct Usage(Mutex<HashMap<ApiKeyId, Timestamp>>);

impl Usage {
    /// Notes that a key is used.
    pub(super) fn note(&self, id: ApiKeyId, now: Timestamp) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.insert(id, now);
    }

    /// Records the use of keys until `stop` is cancelled, and then once more.
    pub(super) async fn run(&self, database: &Database, stop: &CancellationToken) {
        while stop
            .run_until_cancelled(tokio::time::sleep(INTERVAL))
            .await
            .is_some()
        {
            self.record(database).await;
        }
        let _ = tokio::time::timeout(LAST_TIMEOUT, self.record(database)).await;
    }

    /// If PostgreSQL is away, what is noted is recorded later.
    async fn record(&self, database: &Database) {
        let noted = take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut rest: Vec<_> = noted.into_iter().collect();
        while !rest.is_empty() {
            let part = &rest[rest.len().saturating_sub(MAX_KEYS)..];
            let recorded = database.run(async |client| api_keys::touch(client, part).await);
            if let Err(error) = recorded.await {
                tracing::debug!(%error, "cannot record the use of API keys");
                let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                for (id, at) in rest {
                    noted.entry(id).or_insert(at);
                }
                return;
            }
            rest.truncate(rest.len().saturating_sub(MAX_KEYS));
        }
    }
}
