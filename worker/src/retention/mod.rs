//! Retention, as a part of the scheduler stage: erases and deletes what is older than the settings say. Any number of
//! workers may run it; [`retention::take_turn`] lets one of them sweep at a time.

mod dead_letters;

use std::time::Duration;

use metrics::{counter, gauge};
use tidings_broker::{Backoff, BrokerSettings};
use tidings_db::audit::{self, AuditRetention};
use tidings_db::retention::{self, Figures, Progress, RetentionSettings, Sweep, Turn, Work};
use tidings_db::{Database, DbError, statistics, webhook_endpoints};
use tokio_util::sync::CancellationToken;

/// The time between two sweeps of all workers together.
const INTERVAL: Duration = Duration::from_mins(10);

/// How often a worker looks whether it is its turn.
const POLL: Duration = Duration::from_mins(1);

/// The label of the metric about rows of `stats_minute`, `stats_hour` and `endpoint_hours`.
const STATISTICS: &str = "statistics";

/// Erases and deletes what is old.
pub struct Retention {
    database: Database,
    broker: BrokerSettings,
    settings: RetentionSettings,
    audit: AuditRetention,
}

impl Retention {
    /// Sweeps `database`, the audit log in it, and the dead-letter queue of `broker`.
    #[must_use]
    pub fn new(
        database: Database,
        broker: BrokerSettings,
        settings: RetentionSettings,
        audit: AuditRetention,
    ) -> Self {
        for work in Work::ALL {
            swept(work).absolute(0);
        }
        counter!("tidings_retention_removed_total", "what" => STATISTICS).absolute(0);
        counter!("tidings_retention_sweeps_total").absolute(0);
        counter!("tidings_retention_dead_letters_removed_total").absolute(0);
        Self {
            database,
            broker,
            settings,
            audit,
        }
    }

    /// Runs until `stop` is cancelled. A chunk that it has begun is finished.
    pub async fn run(self, stop: CancellationToken) {
        let mut backoff = Backoff::new();
        while !stop.is_cancelled() {
            let pause = match self.turn(&stop).await {
                Ok(()) => {
                    backoff.reset();
                    POLL
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "retention cannot use PostgreSQL; trying again");
                    backoff.next_pause()
                }
            };
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
    }

    /// Sweeps if it is the turn of this process.
    async fn turn(&self, stop: &CancellationToken) -> Result<(), DbError> {
        let (turn, figures) = self
            .database
            .run(async |client| {
                let turn = retention::take_turn(client, INTERVAL).await?;
                Ok((turn, retention::figures(client).await?))
            })
            .await?;
        show(&figures);
        let Some(turn) = turn else { return Ok(()) };
        self.sweep(turn, stop).await
    }

    async fn sweep(&self, mut turn: Turn, stop: &CancellationToken) -> Result<(), DbError> {
        let sweep = Sweep {
            database: &self.database,
            settings: self.settings,
            everything: false,
            dry_run: false,
        };
        let result = sweep.run(Some(&mut turn), stop, count).await;
        let result = match result {
            Ok(result) if result.is_complete => result,
            interrupted => {
                self.database
                    .run(async |client| turn.give_back(client).await)
                    .await?;
                return interrupted.map(drop);
            }
        };
        let letters = if turn.report_is_due {
            self.sweep_dead_letters(stop).await
        } else {
            None
        };
        let removed = letters.as_ref().map_or(0, |letters| letters.removed);
        self.database
            .run(async |client| {
                turn.end(client, &result, removed.into(), letters.is_some())
                    .await
            })
            .await?;
        counter!("tidings_retention_sweeps_total").increment(1);
        gauge!("tidings_retention_last_sweep_age_seconds").set(0.0);
        if result.payloads_removed() + result.rows_deleted + result.account_rows() > 0 {
            tracing::info!(
                payloads = result.payloads_removed(),
                rows = result.rows_deleted,
                cancellations = result.cancellations,
                account_rows = result.account_rows(),
                "retention has erased payloads and deleted rows"
            );
        }
        let figures = statistics::remove_old(&self.database, stop).await?;
        let hours = self.delete_old_hours(stop).await?;
        counter!("tidings_retention_removed_total", "what" => STATISTICS)
            .increment(figures + hours);
        let maintained = audit::maintain(&self.database, self.audit).await?;
        if maintained.partitions_dropped + maintained.ips_erased > 0 {
            tracing::info!(
                months = maintained.partitions_dropped,
                ips = maintained.ips_erased,
                "retention has deleted months of the audit log and erased IP addresses in it"
            );
        }
        Ok(())
    }
}

impl Retention {
    /// Deletes old figures of webhook endpoints, a chunk at a time.
    async fn delete_old_hours(&self, stop: &CancellationToken) -> Result<u64, DbError> {
        let mut deleted = 0;
        loop {
            let deleting = self
                .database
                .run(async |client| webhook_endpoints::delete_old_hours(client).await);
            let (some, more) = deleting.await?;
            deleted += some;
            if !more || stop.is_cancelled() {
                return Ok(deleted);
            }
        }
    }
}

fn count(progress: Progress) {
    swept(progress.work).increment(progress.changed);
}

/// The metric of a kind of work.
fn swept(work: Work) -> metrics::Counter {
    let what = match work {
        Work::SensitivePayloads => "sensitive_payload",
        Work::Payloads => "payload",
        Work::Rows => "row",
        Work::Cancellations => "cancellation",
        Work::Digests => "digest",
        Work::Sessions => "session",
        Work::ContactCodes => "contact_code",
        Work::PasswordResets => "password_reset",
        Work::Invites => "invite",
        Work::DashboardSessions => "dashboard_session",
        Work::DashboardLinks => "dashboard_link",
    };
    counter!("tidings_retention_removed_total", "what" => what)
}

fn show(figures: &Figures) {
    gauge!("tidings_notification_rows").set(approximate(figures.rows));
    gauge!("tidings_notification_table_bytes").set(approximate(figures.bytes));
    let age = figures.oldest.map_or(0.0, |oldest| {
        jiff::Timestamp::now().duration_since(oldest).as_secs_f64()
    });
    gauge!("tidings_notification_oldest_seconds").set(age.max(0.0));
    if let Some(age) = figures.last_sweep_age {
        gauge!("tidings_retention_last_sweep_age_seconds").set(age.as_secs_f64());
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge needs no more digits")]
const fn approximate(number: u64) -> f64 {
    number as f64
}
