use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::gauge;
use tidings_broker::Publisher;
use tidings_db::notifications::{self, HeldForBroker};
use tidings_db::{Database, DbError, scheduler_heartbeats};
use tidings_domain::notification::Channel;
use tokio::time::Instant;

/// How often PostgreSQL is asked while the broker is away.
const INTERVAL: Duration = Duration::from_secs(1);

/// After this many intervals PostgreSQL is asked although the broker is there, so that the answer is known when it goes.
const INTERVALS_WITH_BROKER: u32 = 5;

/// The longest pause after a slow answer.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// A scheduler counts as running for this long after its last heartbeat.
const HEARTBEAT_MAX_AGE: Duration = Duration::from_mins(1);

/// Whether the notifications that the API records will be delivered, and how many wait for that.
#[derive(Debug)]
pub(super) struct Availability {
    /// How many waiting notifications are counted at most.
    max_held: u32,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When a scheduler last ran, by the clock of this process.
    last_beat: Option<Instant>,
    held: HeldForBroker,
}

impl Availability {
    /// Counts up to `max_held` waiting notifications.
    pub(super) fn new(max_held: u32) -> Self {
        Self {
            max_held,
            state: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a scheduler will publish what the API records.
    pub(super) fn scheduler_runs(&self) -> bool {
        let last_beat = self.lock().last_beat;
        last_beat.is_some_and(|beat| beat.elapsed() < HEARTBEAT_MAX_AGE)
    }

    /// The notifications of a channel that wait for a scheduler because the broker was away.
    pub(super) fn held(&self, channel: Channel) -> u32 {
        self.lock().held.of(channel)
    }

    /// Keeps the answers up to date. Never ends.
    pub(super) async fn watch(self: Arc<Self>, database: Database, publisher: Publisher) {
        gauge!("tidings_scheduler_overdue_seconds").set(0.0);
        let mut left = 0;
        // Whether the log says already that PostgreSQL cannot be asked.
        let mut reported = false;
        loop {
            let mut asked = None;
            if left == 0 || !publisher.is_connected() {
                left = INTERVALS_WITH_BROKER;
                let began = Instant::now();
                // Without PostgreSQL, what is known grows old.
                match self.ask(&database).await {
                    Ok(()) => reported = false,
                    Err(error) if !reported => {
                        reported = true;
                        tracing::warn!(%error, "cannot read whether a scheduler runs; trying again");
                    }
                    Err(error) => tracing::debug!(%error, "cannot read whether a scheduler runs"),
                }
                asked = Some(began.elapsed());
            }
            left -= 1;
            let accepts = if self.scheduler_runs() { 1.0 } else { 0.0 };
            gauge!("tidings_accepts_without_broker").set(accepts);
            // Counting millions of rows takes time that those who record notifications need.
            let pause = asked
                .map_or(INTERVAL, |took: Duration| took * 4)
                .clamp(INTERVAL, MAX_PAUSE);
            tokio::time::sleep(pause).await;
        }
    }

    async fn ask(&self, database: &Database) -> Result<(), DbError> {
        let now = Instant::now();
        let (age, held, overdue) = database
            .run(async |client| {
                Ok((
                    scheduler_heartbeats::last_beat(client).await?,
                    notifications::held_for_broker(client, self.max_held).await?,
                    notifications::overdue(client).await?,
                ))
            })
            .await?;
        gauge!("tidings_scheduler_overdue_seconds").set(overdue.unwrap_or_default().as_secs_f64());
        *self.lock() = State {
            last_beat: age.and_then(|age| now.checked_sub(age)),
            held,
        };
        Ok(())
    }
}
