//! Runs the recurring schedules that are due.
//!
//! Apart from the releases: those wait for RabbitMQ, and in-app notifications of schedules need only PostgreSQL.

use metrics::{counter, gauge};
use tidings_broker::Backoff;
use tidings_db::{DbError, schedules};
use tokio_util::sync::CancellationToken;

use super::{Next, Scheduler};

pub(super) fn register_metrics() {
    for name in [
        "tidings_schedules_runs_total",
        "tidings_schedules_skipped_total",
        "tidings_schedules_failed_total",
    ] {
        counter!(name).absolute(0);
    }
    gauge!("tidings_schedules_overdue_seconds").set(0.0);
}

impl Scheduler {
    /// Runs due schedules until `stop` is cancelled.
    pub(super) async fn run_schedules(&self, stop: &CancellationToken) {
        let mut backoff = Backoff::new();
        while !stop.is_cancelled() {
            let next = self.tick().await;
            let pause = self.pause(next, &mut backoff);
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
    }

    /// Looks once for due schedules.
    async fn tick(&self) -> Result<Next, DbError> {
        let tick = schedules::tick(&self.database, self.settings.batch_size).await?;
        self.wakes.wake(tick.in_app_users.iter().copied());
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        counter!("tidings_schedules_runs_total").increment(number(tick.created));
        counter!("tidings_schedules_skipped_total").increment(tick.skipped);
        counter!("tidings_schedules_failed_total").increment(number(tick.failed.len()));
        for (id, reason) in &tick.failed {
            tracing::warn!(schedule_id = %id, reason, "a schedule has failed and is paused");
        }
        if tick.created > 0 || tick.skipped > 0 {
            let (created, skipped) = (tick.created, tick.skipped);
            tracing::debug!(created, skipped, "schedules have run");
        }
        Ok(if tick.more { Next::AtOnce } else { Next::Poll })
    }
}
