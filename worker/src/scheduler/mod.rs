//! The scheduler: publishes the messages of scheduled notifications whose time has come, runs recurring schedules, and closes
//! digests.
//!
//! Any number of processes may run one. There is no leader: they share the work by the row locks and leases of
//! [`notifications::lease_due`] and `schedules::tick`.

mod deletions;
mod digests;
mod publish;
mod recurring;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge};
use tidings_broker::{Backoff, MessageFactory, Publisher, WakePublisher};
use tidings_db::notifications::{self, DueBatch};
use tidings_db::{
    ControlState, Database, DbError, TransactionOptions, scheduler_heartbeats, schedules,
};
use tidings_domain::notification::{Channel, DeliveredChannel};
use tidings_runtime::statistics::events;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use publish::{PausedChannels, Published};
pub use settings::SchedulerSettings;

/// How much longer than `PUBLISH_TIMEOUT_MS` a scheduler may take to publish what it has leased. After that, another one
/// publishes it again.
const LEASE: Duration = Duration::from_mins(1);

/// Maximum number of notifications that expire in one statement.
const EXPIRE_BATCH: u32 = 1000;

/// Time between two heartbeats.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);

/// A scheduler.
pub struct Scheduler {
    database: Database,
    publisher: Publisher,
    message_factory: MessageFactory,
    wakes: WakePublisher,
    control: Arc<ControlState>,
    settings: SchedulerSettings,
}

/// What follows a look for due notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    /// The next poll.
    Poll,
    /// Probably more are due.
    AtOnce,
    /// Servers do not answer.
    Pause,
}

impl Scheduler {
    /// Reads from `database`, publishes with `publisher`, and announces new in-app notifications by `wakes`.
    #[must_use]
    pub fn new(
        database: Database,
        publisher: Publisher,
        message_factory: MessageFactory,
        wakes: WakePublisher,
        control: Arc<ControlState>,
        settings: SchedulerSettings,
    ) -> Self {
        gauge!("tidings_scheduler_overdue_seconds").set(0.0);
        for channel in Channel::ALL {
            released(channel).absolute(0);
        }
        counter!("tidings_scheduler_expired_total").absolute(0);
        recurring::register_metrics();
        deletions::register_metrics();
        digests::register_metrics();
        Self {
            database,
            publisher,
            message_factory,
            wakes,
            control,
            settings,
        }
    }

    /// Runs until `stop` is cancelled. Finishes what it has begun.
    pub async fn run(self, stop: CancellationToken) {
        // Apart from the releases, which may take long.
        let heartbeats = stop.run_until_cancelled(self.beat());
        tokio::join!(
            heartbeats,
            self.release_all(&stop),
            self.run_schedules(&stop),
            self.run_deletions(&stop),
            self.run_digests(&stop)
        );
    }

    /// Records once a second that a scheduler runs. Never ends.
    async fn beat(&self) {
        // Names this scheduler.
        let id = Uuid::new_v4();
        let mut tick = interval(HEARTBEAT_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            // Without PostgreSQL, the releases report the error.
            if let Err(error) = self.heartbeat(id).await {
                tracing::debug!(%error, "the heartbeat of the scheduler is not recorded");
            }
        }
    }

    async fn heartbeat(&self, id: Uuid) -> Result<(), DbError> {
        let (notification, schedule, digest) = self
            .database
            .run(async |client| {
                scheduler_heartbeats::beat(client, id, env!("CARGO_PKG_VERSION")).await?;
                let notification = notifications::overdue(client).await?;
                let schedule = schedules::overdue(client).await?;
                let digest = tidings_db::digests::overdue(client).await?;
                Ok((notification, schedule, digest))
            })
            .await?;
        gauge!("tidings_scheduler_overdue_seconds")
            .set(notification.unwrap_or_default().as_secs_f64());
        gauge!("tidings_schedules_overdue_seconds").set(schedule.unwrap_or_default().as_secs_f64());
        gauge!("tidings_digests_overdue_seconds").set(digest.unwrap_or_default().as_secs_f64());
        Ok(())
    }

    async fn release_all(&self, stop: &CancellationToken) {
        let mut paused = PausedChannels::default();
        let mut backoff = Backoff::new();
        while !stop.is_cancelled() {
            let next = self.turn(&mut paused).await;
            let pause = self.pause(next, &mut backoff);
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
    }

    /// The time until the next look.
    fn pause(&self, next: Result<Next, DbError>, backoff: &mut Backoff) -> Duration {
        let next = next.unwrap_or_else(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the scheduler cannot use PostgreSQL; trying again");
            Next::Pause
        });
        if next != Next::Pause {
            backoff.reset();
        }
        match next {
            Next::Pause => backoff.next_pause(),
            Next::AtOnce => Duration::ZERO,
            Next::Poll => self.settings.poll,
        }
    }

    /// Looks once for notifications that have expired or are due, channel by channel: one that cannot be released does not
    /// stop the others.
    async fn turn(&self, paused: &mut PausedChannels) -> Result<Next, DbError> {
        let mut next = if self.expire().await? >= EXPIRE_BATCH {
            Next::AtOnce
        } else {
            Next::Poll
        };
        for channel in Channel::ALL {
            // Without a broker, only in-app notifications can be delivered.
            let is_usable = match channel.delivered() {
                None => true,
                Some(delivered) => {
                    self.publisher.is_connected()
                        && !paused.contains(channel, Instant::now())
                        && !self.is_stopped(delivered)
                }
            };
            if is_usable {
                next = next.max(self.release(channel, paused).await?);
            }
        }
        Ok(next)
    }

    /// Whether an operator has stopped the channel. Its notifications then stay scheduled: they can still get another time,
    /// and fill no queue. Those that are released because this process does not know the stop yet wait in their queue.
    fn is_stopped(&self, channel: DeliveredChannel) -> bool {
        self.control.switches().stop_of(channel).is_some()
    }

    /// Releases a batch of due notifications of a channel.
    async fn release(
        &self,
        channel: Channel,
        paused: &mut PausedChannels,
    ) -> Result<Next, DbError> {
        let batch = self.lease(channel).await?;
        if batch.is_empty() {
            return Ok(Next::Poll);
        }
        count(channel, &batch);
        self.wakes.wake(batch.processed_users.iter().copied());
        let published = self.publish(&batch.to_publish).await;
        self.end_leases(&batch, &published).await?;
        self.collect(&batch.to_collect).await?;
        if published.is_refused {
            paused.add(channel, Instant::now());
        }
        let limit = usize::try_from(self.settings.batch_size).unwrap_or(usize::MAX);
        Ok(if published.broker_is_away {
            Next::Pause
        } else if batch.len() >= limit && !published.is_refused {
            Next::AtOnce
        } else {
            Next::Poll
        })
    }

    /// Ends notifications whose time is over. Returns their number.
    async fn expire(&self) -> Result<u32, DbError> {
        let expired = self
            .database
            .run(async |client| notifications::expire_overdue(client, EXPIRE_BATCH).await)
            .await?;
        for channel in &expired {
            count_expired(*channel, 1);
        }
        Ok(u32::try_from(expired.len()).unwrap_or(u32::MAX))
    }

    async fn lease(&self, channel: Channel) -> Result<DueBatch, DbError> {
        let limit = self.settings.batch_size;
        let lease = LEASE + self.settings.publish_timeout;
        self.database
            .transaction(TransactionOptions::default(), async |transaction| {
                notifications::lease_due(transaction, channel, limit, lease).await
            })
            .await
    }

    /// Makes the published rows `pending`, and gives those back whose messages the broker has not stored. The others keep
    /// their lease, because their messages may arrive.
    async fn end_leases(&self, batch: &DueBatch, published: &Published) -> Result<(), DbError> {
        let until = batch.leased_until;
        self.database
            .run(async |client| {
                let ids = &published.confirmed;
                let marked = notifications::mark_released(client, ids, until).await?;
                if marked < u64::try_from(ids.len()).unwrap_or(u64::MAX) {
                    // The look of another scheduler locks rows for a moment, even those that it then leaves out. (The
                    // others have been claimed.) Left as they are, they would be published again after the lease.
                    notifications::mark_released(client, ids, until).await?;
                }
                notifications::give_back_leases(client, &published.not_stored, until).await
            })
            .await?;
        Ok(())
    }
}

fn released(channel: Channel) -> metrics::Counter {
    counter!("tidings_scheduler_released_total", "type" => channel.as_str())
}

/// Counts notifications that have expired.
fn count_expired(channel: Option<Channel>, expired: u64) {
    counter!("tidings_scheduler_expired_total").increment(expired);
    events::expired(channel, expired);
}

/// Counts what needs no message. All of the batch are of `channel`.
fn count(channel: Channel, batch: &DueBatch) {
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    released(Channel::InApp).increment(number(batch.processed));
    events::released_in_app(number(batch.processed));
    count_expired(Some(channel), number(batch.expired));
    for reason in &batch.suppressed {
        events::suppressed(channel, reason.as_str());
    }
    tracing::debug!(
        messages = batch.to_publish.len(),
        processed = batch.processed,
        expired = batch.expired,
        cancelled = batch.cancelled,
        "scheduled notifications are due"
    );
}
