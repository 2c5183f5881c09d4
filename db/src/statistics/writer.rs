use std::time::Duration;

use tidings_runtime::statistics::{self, MAX_FIGURES, Unsaved};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};
use tokio_util::sync::CancellationToken;

use super::add;
use crate::database::Database;
use crate::error::{DbError, DbErrorKind};
use crate::transaction::TransactionOptions;

/// How often a process saves its figures. A process that is killed loses those that it has counted since.
pub const INTERVAL: Duration = Duration::from_secs(10);

/// How long saving may take at the end of the process.
const LAST_TIME_LIMIT: Duration = Duration::from_secs(2);

/// Maximum number of figures in one transaction.
const CHUNK: usize = 2000;

/// Saves the figures of this process.
pub struct StatsWriter {
    database: Database,
    /// What could not be saved.
    unsaved: Unsaved,
    /// Whether the last attempt to save has failed.
    is_failing: bool,
}

impl StatsWriter {
    /// Saves to `database`.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self {
            database,
            unsaved: Unsaved::default(),
            is_failing: false,
        }
    }

    /// Saves every [`INTERVAL`], and a last time when `stop` is cancelled. Cancel `stop` once nothing counts any more.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut tick = interval_at(Instant::now() + INTERVAL, INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_last = stop.run_until_cancelled(tick.tick()).await.is_none();
            let too_late = async {
                stop.cancelled().await;
                sleep(LAST_TIME_LIMIT).await;
            };
            tokio::select! {
                _ = self.save() => {}
                () = too_late => {
                    tracing::warn!("the last figures of the statistics are lost: PostgreSQL does not answer");
                    return;
                }
            }
            if is_last {
                return;
            }
        }
    }

    /// Saves what was counted, and what could not be saved before. Returns whether everything is saved. The rest is kept,
    /// up to [`MAX_FIGURES`].
    pub async fn save(&mut self) -> bool {
        self.unsaved.add(statistics::take());
        let lost = self.unsaved.limit(MAX_FIGURES);
        if lost > 0 {
            tracing::warn!(
                figures = lost,
                "the oldest figures of the statistics are lost"
            );
        }
        while !self.unsaved.is_empty() {
            let part = self.unsaved.split_first(CHUNK);
            match self.add(&part).await {
                Ok(()) => self.is_failing = false,
                // They would never be taken.
                Err(error) if error.kind() == DbErrorKind::InvalidData => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "figures of the statistics are lost");
                }
                Err(error) => {
                    self.unsaved.add(part);
                    if !self.is_failing {
                        self.is_failing = true;
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(
                            error,
                            "figures of the statistics are not saved; trying again"
                        );
                    }
                    return false;
                }
            }
        }
        true
    }

    async fn add(&self, figures: &Unsaved) -> Result<(), DbError> {
        self.database
            .transaction(TransactionOptions::default(), async |transaction| {
                add(transaction, figures).await
            })
            .await
    }
}
