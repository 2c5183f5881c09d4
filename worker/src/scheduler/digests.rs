//! Closes the digests whose time has come.
//!
//! Apart from the releases: those wait for RabbitMQ, and closing a digest needs only PostgreSQL. The notification of a digest
//! is then due, and is released like any other.

use std::time::Duration;

use metrics::{counter, gauge};
use tidings_broker::Backoff;
use tidings_db::digests::{self, CloseResult, Closing, DueItem};
use tidings_db::{DbError, TransactionOptions};
use tidings_domain::notification::DigestId;
use tidings_runtime::statistics::events;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Next, Scheduler, count_expired};

/// How many digests a look closes.
const CLOSE_BATCH: u32 = 100;

/// How often a scheduler looks for items whose digest is not open.
const REOPEN_INTERVAL: Duration = Duration::from_mins(10);

/// How many of them it makes due in one statement.
const REOPEN_BATCH: u32 = 1000;

pub(super) fn register_metrics() {
    for result in ["sent", "single", "empty"] {
        counter!("tidings_digests_closed_total", "result" => result).absolute(0);
    }
    counter!("tidings_digest_items_sent_total").absolute(0);
    counter!("tidings_digest_items_reopened_total").absolute(0);
    gauge!("tidings_digests_overdue_seconds").set(0.0);
}

impl Scheduler {
    /// Closes due digests until `stop` is cancelled.
    pub(super) async fn run_digests(&self, stop: &CancellationToken) {
        let mut backoff = Backoff::new();
        let mut reopen_at = Instant::now();
        while !stop.is_cancelled() {
            let mut next = self.close_digests(stop).await;
            if next.is_ok() && Instant::now() >= reopen_at {
                match self.reopen_items().await {
                    Ok(Next::Poll) => reopen_at = Instant::now() + REOPEN_INTERVAL,
                    other => next = other,
                }
            }
            let pause = self.pause(next, &mut backoff);
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
    }

    /// Looks once for due digests.
    async fn close_digests(&self, stop: &CancellationToken) -> Result<Next, DbError> {
        let mut due = self
            .database
            .run(async |client| digests::due(client, CLOSE_BATCH).await)
            .await?;
        // Schedulers that look at the same time begin with different ones, because each waits for a digest that another
        // one is closing.
        let start = usize::from(Uuid::new_v4().as_bytes()[0]) % due.len().max(1);
        due.rotate_left(start);
        let mut closed = 0;
        for id in &due {
            if stop.is_cancelled() {
                break;
            }
            match self.close(*id).await {
                Ok(closing) => {
                    closed += 1;
                    count(*id, &closing);
                }
                // Somebody holds it, or one of its items, for long: the others go on, and the next look tries again.
                Err(error) if error.is_lock_timeout() => {
                    tracing::warn!(%error, digest_id = %id, "a digest cannot be locked; trying again");
                }
                Err(error) => return Err(error),
            }
        }
        let is_full = due.len() >= usize::try_from(CLOSE_BATCH).unwrap_or(usize::MAX);
        Ok(if is_full && closed > 0 {
            Next::AtOnce
        } else {
            Next::Poll
        })
    }

    async fn close(&self, id: DigestId) -> Result<Closing, DbError> {
        let timezone = &self.settings.default_timezone;
        self.database
            .transaction(TransactionOptions::default(), async |transaction| {
                digests::close(transaction, id, timezone).await
            })
            .await
    }

    async fn reopen_items(&self) -> Result<Next, DbError> {
        let reopened = self
            .database
            .run(async |client| digests::reopen_items(client, REOPEN_BATCH).await)
            .await?;
        counter!("tidings_digest_items_reopened_total").increment(reopened);
        if reopened > 0 {
            tracing::warn!(reopened, "items of digests that are not open are due again");
        }
        Ok(if reopened >= u64::from(REOPEN_BATCH) {
            Next::AtOnce
        } else {
            Next::Poll
        })
    }

    /// Makes due notifications items of digests.
    pub(super) async fn collect(&self, due: &[DueItem]) -> Result<(), DbError> {
        if due.is_empty() {
            return Ok(());
        }
        let timezone = &self.settings.default_timezone;
        self.database
            .transaction(TransactionOptions::default(), async |transaction| {
                digests::join(transaction, due, timezone).await
            })
            .await?;
        Ok(())
    }
}

/// Counts what the closing of a digest has recorded and ended.
fn count(id: DigestId, closing: &Closing) {
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    count_expired(closing.channel, number(closing.expired));
    if let Some(channel) = closing.channel {
        for reason in &closing.suppressed {
            events::suppressed(channel, reason.as_str());
        }
        if closing.is_recorded {
            events::created(channel);
        }
        if let CloseResult::Sent(items) = closing.result {
            events::digested(channel, number(items));
        }
    }
    let (label, items) = match closing.result {
        CloseResult::Sent(items) => ("sent", items),
        CloseResult::Single => ("single", 1),
        CloseResult::Empty => ("empty", 0),
        CloseResult::Later | CloseResult::Closed => return,
    };
    counter!("tidings_digests_closed_total", "result" => label).increment(1);
    counter!("tidings_digest_items_sent_total").increment(number(items));
    tracing::debug!(digest_id = %id, result = label, items, "digest closed");
}
