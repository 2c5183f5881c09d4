use std::sync::Arc;
use std::time::Duration;

use tidings_db::Database;
use tidings_db::notifications::{self, RecordResult, RecordedBy};
use tidings_domain::notification::Notification;
use tidings_runtime::tasks::Tasks;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::inbox::Inboxes;

/// Maximum number of notifications that wait to be recorded.
const MAX_WAITING: usize = 2048;

/// Maximum size of their payloads together, in bytes.
const MAX_WAITING_BYTES: usize = 16 << 20;

/// Maximum number of notifications in one statement.
const MAX_BATCH: usize = 256;

/// How long a statement waits for company.
const GATHER: Duration = Duration::from_millis(5);

/// Records notifications, many in one statement.
#[derive(Clone)]
pub(super) struct Recorder {
    waiting: mpsc::Sender<Request>,
    /// One permit for each KiB of payload.
    room: Arc<Semaphore>,
}

struct Request {
    notification: Notification,
    reply: oneshot::Sender<Result<(), NotRecorded>>,
    _room: OwnedSemaphorePermit,
}

/// Why a notification was not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotRecorded {
    /// PostgreSQL does not answer, or too many wait for it.
    Unavailable,
    /// The target user does not exist, or not yet.
    UnknownUser,
    /// PostgreSQL can never store the notification.
    NotStorable,
    /// The row is that of another request with the same idempotency key.
    KeyReused,
}

impl NotRecorded {
    /// A stable code.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::UnknownUser => "unknown_user",
            Self::NotStorable => "not_storable",
            Self::KeyReused => "idempotency_key_reused",
        }
    }
}

impl Recorder {
    /// Starts one task for each of `connections`.
    pub(super) fn start(
        database: &Database,
        inbox: &Inboxes,
        connections: usize,
        tasks: &mut Tasks,
        stop: &CancellationToken,
    ) -> Self {
        let (waiting, requests) = mpsc::channel(MAX_WAITING);
        let requests = Arc::new(Mutex::new(requests));
        for _ in 0..connections {
            let recording = record_all(database.clone(), inbox.clone(), Arc::clone(&requests));
            let token = stop.clone();
            tasks.spawn("recording of notifications", async move {
                token.run_until_cancelled(recording).await;
            });
        }
        Self {
            waiting,
            room: Arc::new(Semaphore::new(MAX_WAITING_BYTES >> 10)),
        }
    }

    /// Records a notification like the intake. Dropping the future does not prevent that.
    ///
    /// # Errors
    ///
    /// Returns why it is not known to be recorded.
    pub(super) async fn record(&self, notification: Notification) -> Result<(), NotRecorded> {
        let kibibytes = notification
            .payload
            .get()
            .len()
            .min(MAX_WAITING_BYTES)
            .div_ceil(1 << 10);
        let kibibytes = u32::try_from(kibibytes).unwrap_or(u32::MAX).max(1);
        // No room: the broker may still confirm.
        let room = Arc::clone(&self.room).try_acquire_many_owned(kibibytes);
        let room = room.map_err(|_| NotRecorded::Unavailable)?;
        let (reply, replied) = oneshot::channel();
        let request = Request {
            notification,
            reply,
            _room: room,
        };
        let sent = self.waiting.try_send(request);
        sent.map_err(|_| NotRecorded::Unavailable)?;
        replied.await.unwrap_or(Err(NotRecorded::Unavailable))
    }
}

async fn record_all(
    database: Database,
    inbox: Inboxes,
    requests: Arc<Mutex<mpsc::Receiver<Request>>>,
) {
    loop {
        let batch = next_batch(&requests).await;
        record_batch(&database, &inbox, batch).await;
    }
}

/// Waits for the next requests. While one task gathers, the others wait for the lock.
async fn next_batch(requests: &Mutex<mpsc::Receiver<Request>>) -> Vec<Request> {
    let mut requests = requests.lock().await;
    let mut batch = Vec::new();
    requests.recv_many(&mut batch, MAX_BATCH).await;
    let deadline = Instant::now() + GATHER;
    while batch.len() < MAX_BATCH {
        let room = MAX_BATCH - batch.len();
        match timeout_at(deadline, requests.recv_many(&mut batch, room)).await {
            Ok(more) if more > 0 => {}
            // The time is over, or the program stops.
            _ => break,
        }
    }
    batch
}

async fn record_batch(database: &Database, inbox: &Inboxes, batch: Vec<Request>) {
    // The caller has answered already.
    let batch: Vec<Request> = batch
        .into_iter()
        .filter(|one| !one.reply.is_closed())
        .collect();
    let mut unique: Vec<&Notification> = batch.iter().map(|one| &one.notification).collect();
    unique.sort_unstable_by_key(|notification| notification.message_id);
    unique.dedup_by_key(|notification| notification.message_id);
    if unique.is_empty() {
        return;
    }
    let recorded = notifications::record(database, unique, RecordedBy::Api).await;
    let recorded = recorded.unwrap_or_else(|error| {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(
            error,
            "notifications cannot be recorded while RabbitMQ is away"
        );
        std::collections::HashMap::new()
    });
    let is_visible = |one: &&Request| {
        let result = recorded.get(&one.notification.message_id);
        matches!(result, Some(RecordResult::Recorded(row)) if row.is_visible_in_app())
    };
    let visible = batch.iter().filter(is_visible);
    inbox.all_changed(visible.filter_map(|one| one.notification.user_id));
    for Request {
        notification,
        reply,
        ..
    } in batch
    {
        let result = match recorded.get(&notification.message_id) {
            Some(result) if result.is_of_another_request(&notification) => {
                Err(NotRecorded::KeyReused)
            }
            Some(
                RecordResult::Recorded(_) | RecordResult::Existed(_) | RecordResult::ExistedNewer,
            ) => Ok(()),
            Some(RecordResult::UnknownUser(_)) => Err(NotRecorded::UnknownUser),
            Some(RecordResult::NotStorable(_)) => Err(NotRecorded::NotStorable),
            Some(RecordResult::Vanished) | None => Err(NotRecorded::Unavailable),
        };
        // Nobody may wait for it any more.
        let _ = reply.send(result);
    }
}
