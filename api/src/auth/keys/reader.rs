use std::time::Duration;

use metrics::{counter, gauge};
use tidings_db::api_keys::{self, KeySnapshot};
use tidings_db::{Database, DbError};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use super::known::KnownKeys;

/// The longest time between two reads.
const MAX_POLL: Duration = Duration::from_secs(1);

/// The shortest time between two reads, however many requests have keys that are not known.
const MIN_POLL: Duration = Duration::from_millis(100);

/// How often all keys are read, and not only those that have changed. A row that was deleted by SQL is noticed then.
const COMPLETE_READ_INTERVAL: Duration = Duration::from_mins(10);

/// How long a read may take: of the changes, and of all keys.
const TIMEOUT: Duration = Duration::from_secs(2);
const COMPLETE_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a request waits for the next read.
const WAIT: Duration = Duration::from_secs(3);

/// Reads the keys. One read runs at a time, and answers all requests that wait.
#[derive(Default)]
pub(super) struct Reader {
    progress: watch::Sender<Progress>,
    wanted: Notify,
}

#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// How many reads have started.
    started: u64,
    /// How many of them have ended.
    ended: u64,
    /// Whether the last one that has ended has failed.
    has_failed: bool,
}

/// The state of the keys cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CannotRead;

impl Reader {
    /// Asks for a read.
    pub(super) fn refresh(&self) {
        self.wanted.notify_one();
    }

    /// Waits until `find` returns a value. Returns `None` after a read that has started after this call.
    ///
    /// # Errors
    ///
    /// Returns [`CannotRead`] at once if the last read has failed, and otherwise if the next one fails or takes too long.
    pub(super) async fn until_read<T>(
        &self,
        find: impl Fn() -> Option<T>,
    ) -> Result<Option<T>, CannotRead> {
        let mut progress = self.progress.subscribe();
        let first = *progress.borrow_and_update();
        if first.has_failed {
            // A read that has just succeeded is in the progress already.
            return find().map(Some).ok_or(CannotRead);
        }
        self.refresh();
        let waiting = async {
            loop {
                let now = *progress.borrow_and_update();
                // In this order: what the read has found is applied before it ends.
                if let Some(value) = find() {
                    return Ok(Some(value));
                }
                if now.has_failed {
                    return Err(CannotRead);
                }
                if now.ended > first.started {
                    return Ok(None);
                }
                if progress.changed().await.is_err() {
                    return Err(CannotRead);
                }
            }
        };
        timeout(WAIT, waiting).await.unwrap_or(Err(CannotRead))
    }

    /// Reads the keys every `poll`, and sooner if a request waits. Never ends.
    pub(super) async fn run(&self, known: &KnownKeys, database: &Database, poll: Duration) {
        let poll = poll.clamp(MIN_POLL, MAX_POLL);
        let mut snapshot: Option<KeySnapshot> = None;
        let mut complete_at = Instant::now();
        let mut limit = TIMEOUT;
        loop {
            let start = Instant::now();
            if start.duration_since(complete_at) >= COMPLETE_READ_INTERVAL {
                snapshot = None;
            }
            self.progress.send_modify(|progress| progress.started += 1);
            counter!("tidings_api_key_reads_total").increment(1);
            let result = read(database, snapshot.as_ref(), limit).await;
            let has_failed = result.is_err();
            // Many changes take longer to read, and a read that takes too long each time would never succeed.
            limit = if has_failed {
                (limit * 2).min(COMPLETE_TIMEOUT)
            } else {
                TIMEOUT
            };
            match result {
                Ok(changed) => {
                    if changed.is_complete {
                        complete_at = start;
                    }
                    snapshot = Some(changed.snapshot.clone());
                    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
                    gauge!("tidings_api_keys").set(known.apply(changed) as f64);
                }
                Err(error) if !self.progress.borrow().has_failed => {
                    tracing::warn!(%error, "cannot read the API keys; what is known stays in force");
                }
                Err(error) => tracing::debug!(%error, "cannot read the API keys"),
            }
            self.progress.send_modify(|progress| {
                progress.ended = progress.started;
                progress.has_failed = has_failed;
            });
            sleep(MIN_POLL).await;
            tokio::select! {
                () = sleep(poll.saturating_sub(MIN_POLL)) => {}
                () = self.wanted.notified() => {}
            }
        }
    }
}

async fn read(
    database: &Database,
    since: Option<&KeySnapshot>,
    limit: Duration,
) -> Result<api_keys::ChangedKeys, DbError> {
    let limit = if since.is_some() {
        limit
    } else {
        COMPLETE_TIMEOUT
    };
    let reading = database.run(async |client| api_keys::changes(client, since).await);
    timeout(limit, reading)
        .await
        .unwrap_or(Err(DbError::TimedOut))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    impl Reader {
        fn begin(&self) {
            self.progress.send_modify(|progress| progress.started += 1);
        }

        fn end(&self, has_failed: bool) {
            self.progress.send_modify(|progress| {
                progress.ended = progress.started;
                progress.has_failed = has_failed;
            });
        }
    }

    /// A read that was under way may have missed the key.
    #[tokio::test]
    async fn only_a_read_that_begins_later_shows_that_a_key_does_not_exist() {
        let reader = Reader::default();
        reader.begin();
        let waiting = reader.until_read(|| None::<()>);
        tokio::pin!(waiting);
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        reader.end(false);
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        reader.begin();
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        reader.end(false);
        assert_eq!(waiting.await, Ok(None));
    }

    #[tokio::test]
    async fn a_key_that_is_read_is_found_at_once() {
        let (reader, is_there) = (Reader::default(), AtomicBool::new(false));
        reader.begin();
        let waiting = reader.until_read(|| is_there.load(Ordering::Relaxed).then_some(7));
        tokio::pin!(waiting);
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        is_there.store(true, Ordering::Relaxed);
        reader.end(false);
        assert_eq!(waiting.await, Ok(Some(7)));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_successful_read_nothing_is_said_about_a_key() {
        let reader = Reader::default();
        assert_eq!(
            reader.until_read(|| None::<()>).await,
            Err(CannotRead),
            "too late"
        );
        reader.begin();
        reader.end(true);
        assert_eq!(reader.until_read(|| None::<()>).await, Err(CannotRead));
        let before = Instant::now();
        assert_eq!(reader.until_read(|| Some(7)).await, Ok(Some(7)));
        assert_eq!(before, Instant::now(), "at once");
    }
}
