//! How many due notifications a second a scheduler publishes, while nothing delivers them.

use std::time::Duration;

use anyhow::Context;
use serde::Serialize;
use tidings_db::notifications;
use tokio::time::{Instant, sleep};

use super::{Phases, ScheduledChannel};
use crate::delivery::LedgerDifferences;
use crate::programs::RunningProgram;
use crate::progress::bar;
use crate::statistics::per_second;

/// The shortest pause between two counts of the scheduled rows, and how many times longer than a count the pause after
/// it must be, so that counting does not slow down what is measured.
const MIN_PAUSE: Duration = Duration::from_millis(5);
const PAUSE_FACTOR: u32 = 10;

/// If no row is released for this long, the others never will be.
const NO_PROGRESS_TIMEOUT: Duration = Duration::from_secs(30);

/// The stages of the worker. The intake has recorded everything before anything is due.
const STAGES: &str = "intake,scheduler";

/// Webhooks that a scheduler has published.
#[derive(Clone, Debug, Serialize)]
pub struct ReleaseReport {
    /// Webhooks that were due.
    pub count: u64,
    /// Rows that were released: their messages are published and confirmed.
    pub released: u64,
    /// Whether all were recorded before they were due. Otherwise the rate is not the scheduler's.
    pub recorded_in_time: bool,
    /// Rows released per second, from the first released rows to the last; NaN if all were released between two
    /// counts.
    pub released_per_second: f64,
    /// Rows that are recorded as delivered, by a worker that started after the measurement.
    pub recorded: u64,
    /// What differs between the scheduled webhooks and the receiver's ledger.
    #[serde(flatten)]
    pub differences: LedgerDifferences,
}

/// A count of the released rows.
#[derive(Clone, Copy, Debug)]
struct ReleaseCount {
    at: Instant,
    released: u64,
}

impl Phases<'_> {
    /// Has a scheduler publish webhooks that are due at once. Then another worker delivers them, which shows that each
    /// message was published.
    pub(super) async fn release(&self, api: &RunningProgram) -> anyhow::Result<ReleaseReport> {
        let worker = self.queue.worker_of(STAGES).await?;
        let users = self.users().await?;
        let posting = self.posting(api, &users, &[ScheduledChannel::Webhook]);
        let due = self.schedule(posting, self.plan.count).await?;
        let count = due.notifications.len() as u64;
        let counts = self.count_released(count).await?;
        worker.stop().await?;
        let delivered = self.queue.drain(&users, count).await?;
        let accepted: Vec<_> = due.notifications.iter().map(|one| one.accepted).collect();
        Ok(ReleaseReport {
            count,
            released: counts.last().map_or(0, |last| last.released),
            recorded_in_time: due.recorded_in_time,
            released_per_second: rate(&counts),
            recorded: delivered.rows.count,
            differences: delivered.ledger.compare(&accepted),
        })
    }

    /// Counts the released rows until all of `count` are released.
    async fn count_released(&self, count: u64) -> anyhow::Result<Vec<ReleaseCount>> {
        let database = &self.queue.environment.scratch.database;
        let progress = bar(count, "releasing");
        let (mut counts, mut seen, mut since) = (Vec::new(), 0, Instant::now());
        loop {
            let asked = Instant::now();
            let scheduled = database
                .run(async |client| notifications::count_scheduled(client).await)
                .await
                .context("PostgreSQL is unavailable")?;
            let at = Instant::now();
            let released = count.saturating_sub(scheduled);
            counts.push(ReleaseCount { at, released });
            progress.set_position(released);
            if released > seen {
                (seen, since) = (released, at);
            }
            if released >= count || since.elapsed() > NO_PROGRESS_TIMEOUT {
                progress.finish_and_clear();
                return Ok(counts);
            }
            sleep(MIN_PAUSE.max((at - asked) * PAUSE_FACTOR)).await;
        }
    }
}

impl ReleaseReport {
    /// Rows that were not released or not recorded, and lost, repeated and foreign webhooks.
    pub(super) const fn wrong(&self) -> u64 {
        self.count.abs_diff(self.released)
            + self.count.abs_diff(self.recorded)
            + self.differences.sum()
    }
}

/// The rate between the first count with released rows and the first count with the most. The rows of the first count
/// do not count, because their release began before it.
fn rate(counts: &[ReleaseCount]) -> f64 {
    let most = counts.iter().map(|count| count.released).max();
    let first = counts.iter().find(|count| count.released > 0);
    let last = counts.iter().find(|count| Some(count.released) == most);
    match (first, last) {
        (Some(first), Some(last)) if last.at > first.at => {
            per_second(last.released - first.released, last.at - first.at)
        }
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_counts_from_the_first_released_rows_to_the_last() {
        let start = Instant::now();
        let at = |millis, released| ReleaseCount {
            at: start + Duration::from_millis(millis),
            released,
        };
        let counts = [
            at(0, 0),
            at(900, 100),
            at(950, 500),
            at(1100, 900),
            at(1300, 900),
        ];
        assert!((rate(&counts) - 4000.0).abs() < 1e-6);
        assert!(rate(&[at(0, 0), at(10, 900)]).is_nan());
        assert!(rate(&[at(0, 0)]).is_nan());
    }
}
