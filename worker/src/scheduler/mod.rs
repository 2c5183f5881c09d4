//! The scheduler: publishes the messages of scheduled notifications whose time has come.
//!
//! Any number of processes may run one. There is no leader: they share the work by the row locks and leases of
//! [`notifications::lease_due`].

mod publish;
mod settings;

use std::time::Duration;

use metrics::{counter, gauge};
use tidings_broker::{Backoff, MessageFactory, Publisher};
use tidings_db::notifications::{self, DueBatch};
use tidings_db::{Database, DbError, TransactionOptions, scheduler_heartbeats};
use tidings_domain::notification::Channel;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use publish::{PausedChannels, Published};
pub use settings::SchedulerSettings;

/// How long a scheduler may take to publish what it has leased. After that, another one publishes it again.
const LEASE: Duration = Duration::from_mins(1);

/// Maximum number of notifications that expire in one statement.
const EXPIRE_BATCH: u32 = 1000;

/// Minimum time between two heartbeats.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);

/// A scheduler.
pub struct Scheduler {
    database: Database,
    publisher: Publisher,
    message_factory: MessageFactory,
    settings: SchedulerSettings,
    /// Names this scheduler in its heartbeats.
    id: Uuid,
    next_heartbeat: Instant,
    paused: PausedChannels,
}

/// What follows a look for due notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Probably more are due.
    AtOnce,
    /// The next poll.
    Poll,
    /// Servers do not answer.
    Pause,
}

impl Scheduler {
    /// Reads from `database` and publishes with `publisher`.
    #[must_use]
    pub fn new(
        database: Database,
        publisher: Publisher,
        message_factory: MessageFactory,
        settings: SchedulerSettings,
    ) -> Self {
        gauge!("tidings_scheduler_overdue_seconds").set(0.0);
        for channel in Channel::ALL {
            released(channel).absolute(0);
        }
        counter!("tidings_scheduler_expired_total").absolute(0);
        Self {
            database,
            publisher,
            message_factory,
            settings,
            id: Uuid::new_v4(),
            next_heartbeat: Instant::now(),
            paused: PausedChannels::default(),
        }
    }

    /// Runs until `stop` is cancelled. Finishes what it has begun.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut backoff = Backoff::new();
        while !stop.is_cancelled() {
            let next = self.turn().await.unwrap_or_else(|error| {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the scheduler cannot use PostgreSQL; trying again");
                Next::Pause
            });
            let pause = match next {
                Next::Pause => backoff.next_pause(),
                Next::AtOnce => Duration::ZERO,
                Next::Poll => self.settings.poll,
            };
            if next != Next::Pause {
                backoff.reset();
            }
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
    }

    /// Looks once for due notifications.
    async fn turn(&mut self) -> Result<Next, DbError> {
        let now = Instant::now();
        if now >= self.next_heartbeat {
            self.heartbeat().await?;
            self.next_heartbeat = now + HEARTBEAT_INTERVAL;
        }
        // Without a broker, only in-app notifications can be delivered.
        let is_usable = |channel: &Channel| {
            *channel == Channel::InApp
                || self.publisher.is_connected() && !self.paused.contains(*channel, now)
        };
        let channels: Vec<Channel> = Channel::ALL.into_iter().filter(is_usable).collect();
        let expired = self.expire().await?;
        let batch = self.lease(&channels).await?;
        count(&batch);
        let is_full = expired >= u64::from(EXPIRE_BATCH)
            || batch.len() >= usize::try_from(self.settings.batch_size).unwrap_or(usize::MAX);
        let published = self.publish(&batch.to_publish).await;
        self.end_leases(&batch, &published).await?;
        self.paused.add(&published, now);
        Ok(if published.broker_is_away {
            Next::Pause
        } else if is_full {
            Next::AtOnce
        } else {
            Next::Poll
        })
    }

    async fn heartbeat(&self) -> Result<(), DbError> {
        let overdue = self
            .database
            .run(async |client| {
                scheduler_heartbeats::beat(client, self.id, env!("CARGO_PKG_VERSION")).await?;
                notifications::overdue(client).await
            })
            .await?;
        gauge!("tidings_scheduler_overdue_seconds").set(overdue.unwrap_or_default().as_secs_f64());
        Ok(())
    }

    /// Ends notifications whose time is over.
    async fn expire(&self) -> Result<u64, DbError> {
        let expired = self
            .database
            .run(async |client| notifications::expire_overdue(client, EXPIRE_BATCH).await)
            .await?;
        counter!("tidings_scheduler_expired_total").increment(expired);
        Ok(expired)
    }

    async fn lease(&self, channels: &[Channel]) -> Result<DueBatch, DbError> {
        let limit = self.settings.batch_size;
        self.database
            .transaction(TransactionOptions::default(), async |transaction| {
                notifications::lease_due(transaction, channels, limit, LEASE).await
            })
            .await
    }

    /// Makes the published rows `pending`, and gives the others back.
    async fn end_leases(&self, batch: &DueBatch, published: &Published) -> Result<(), DbError> {
        let until = batch.leased_until;
        self.database
            .run(async |client| {
                notifications::mark_released(client, &published.confirmed, until).await?;
                notifications::give_back_leases(client, &published.failed, until).await
            })
            .await?;
        Ok(())
    }
}

fn released(channel: Channel) -> metrics::Counter {
    counter!("tidings_scheduler_released_total", "type" => channel.as_str())
}

/// Updates the metrics of what needs no message.
fn count(batch: &DueBatch) {
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    released(Channel::InApp).increment(number(batch.processed));
    counter!("tidings_scheduler_expired_total").increment(number(batch.expired));
    if !batch.is_empty() {
        tracing::debug!(
            messages = batch.to_publish.len(),
            processed = batch.processed,
            expired = batch.expired,
            "scheduled notifications are due"
        );
    }
}
