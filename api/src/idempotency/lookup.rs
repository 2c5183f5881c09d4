use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use tidings_db::notifications::{FingerprintRequest, find_fingerprints};
use tidings_db::{Database, DbError};
use tidings_domain::notification::{Fingerprint, MessageId};
use tidings_runtime::tasks::Tasks;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::breaker::LookupBreaker;

/// Maximum number of lookups that wait for PostgreSQL.
const MAX_WAITING: usize = 1024;

/// Maximum number of lookups in one query.
const MAX_BATCH: usize = 64;

/// The time limit of a query. After that, the next one gets another connection.
const QUERY_TIMEOUT: Duration = Duration::from_secs(2);

/// The rows that were found. `None` stands for a row without a fingerprint.
pub(super) type FoundRows = HashMap<MessageId, Option<Fingerprint>>;

/// Looks for the rows of earlier requests. One task asks PostgreSQL, for all lookups that wait: a lookup that does not wait
/// any longer interrupts no query and costs no connection.
#[derive(Clone)]
pub(super) struct Lookup {
    limit: Duration,
    queries: mpsc::Sender<Query>,
    breaker: Arc<LookupBreaker>,
}

struct Query {
    ids: Vec<MessageId>,
    sender: String,
    reply: oneshot::Sender<FoundRows>,
}

/// How a lookup ends.
#[derive(Clone, Copy, Debug)]
enum LookupResult {
    /// PostgreSQL answered in time.
    Answered,
    /// It did not.
    Unanswered,
    /// It was not asked, because it did not answer before.
    Skipped,
}

impl LookupResult {
    const ALL: [Self; 3] = [Self::Answered, Self::Unanswered, Self::Skipped];

    fn counter(self) -> metrics::Counter {
        let result = match self {
            Self::Answered => "answered",
            Self::Unanswered => "unanswered",
            Self::Skipped => "skipped",
        };
        counter!("tidings_idempotency_lookups_total", "result" => result)
    }
}

impl Lookup {
    /// Asks `database`. A lookup waits for at most `limit`.
    pub(super) fn start(
        database: &Database,
        limit: Duration,
        tasks: &mut Tasks,
        stop: &CancellationToken,
    ) -> Self {
        for result in LookupResult::ALL {
            result.counter().absolute(0);
        }
        let (queries, waiting) = mpsc::channel(MAX_WAITING);
        let (database, stop) = (database.clone(), stop.clone());
        tasks.spawn("idempotency lookups", async move {
            stop.run_until_cancelled(answer_all(database, waiting))
                .await;
        });
        Self {
            limit,
            queries,
            breaker: Arc::default(),
        }
    }

    /// Returns the rows of `sender` with these ids; none if PostgreSQL does not answer in time.
    pub(super) async fn find(&self, ids: Vec<MessageId>, sender: String) -> FoundRows {
        let (found, result) = self.ask(ids, sender).await;
        result.counter().increment(1);
        found
    }

    async fn ask(&self, ids: Vec<MessageId>, sender: String) -> (FoundRows, LookupResult) {
        if !self.breaker.admits(Instant::now()) {
            return (FoundRows::new(), LookupResult::Skipped);
        }
        let (reply, replied) = oneshot::channel();
        // A full queue says that PostgreSQL is slow.
        let is_asked = self.queries.try_send(Query { ids, sender, reply }).is_ok();
        if is_asked && let Ok(Ok(found)) = timeout(self.limit, replied).await {
            self.breaker.succeeded();
            return (found, LookupResult::Answered);
        }
        if self.breaker.failed(Instant::now()) {
            tracing::warn!(
                "PostgreSQL does not say in time which idempotency keys were used before; notifications are accepted without"
            );
        }
        (FoundRows::new(), LookupResult::Unanswered)
    }
}

/// Answers the lookups. Never ends.
async fn answer_all(database: Database, mut queries: mpsc::Receiver<Query>) {
    let mut batch = Vec::new();
    while queries.recv_many(&mut batch, MAX_BATCH).await > 0 {
        // These have gone on.
        batch.retain(|query| !query.reply.is_closed());
        if batch.is_empty() {
            continue;
        }
        match find_all(&database, &batch).await {
            Ok(found) => batch.drain(..).for_each(|query| reply(query, &found)),
            // Those that wait go on.
            Err(error) => {
                tracing::debug!(%error, "cannot look for idempotency keys");
                batch.clear();
            }
        }
    }
    // The program stops.
    std::future::pending::<()>().await;
}

async fn find_all(database: &Database, batch: &[Query]) -> Result<FoundRows, DbError> {
    let requests: Vec<FingerprintRequest<'_>> = batch
        .iter()
        .flat_map(|Query { ids, sender, .. }| {
            ids.iter().map(|id| FingerprintRequest { id: *id, sender })
        })
        .collect();
    let finding = database.run(async |client| find_fingerprints(client, &requests).await);
    timeout(QUERY_TIMEOUT, finding)
        .await
        .unwrap_or(Err(DbError::TimedOut))
}

fn reply(query: Query, found: &FoundRows) {
    let its = |id: &MessageId| Some((*id, *found.get(id)?));
    let found = query.ids.iter().filter_map(its).collect();
    // It may have gone on.
    let _ = query.reply.send(found);
}
