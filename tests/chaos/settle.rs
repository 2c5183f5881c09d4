//! The end of a run: waits until everything that was accepted is recorded and delivered, and seen by its readers.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::inbox::Readers;
use crate::injector::FaultPeriod;
use crate::installation::{Installation, RemainingMessages};
use crate::ledger::Ledger;
use crate::receivers::Receivers;
use crate::timing::{timestamp_of, wait};
use crate::verify::{Comparison, Findings, LedgerSummary, SendTimes};

/// How long settling may take. A notification may be under the lease of a killed scheduler (65 s), and its message in the
/// 30 s wait queue, behind the lease of a killed worker (30 s, and as long as PostgreSQL's clock was ahead), on the third
/// rung of the ladder (25 s).
pub const LIMIT: Duration = Duration::from_mins(5);

/// How long it may take until what cannot be found anywhere is there after all: the broker tries again to
/// hand over a dead notification, of which it has had no confirm, after some seconds.
const MISSING: Duration = Duration::from_mins(1);

/// Time between two checks.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// What a run has recorded.
pub struct Records<'a> {
    pub ledger: &'a Ledger,
    pub sandbox: &'a Path,
    pub readers: &'a Readers,
}

impl Records<'_> {
    /// Compares the accepted notifications with the rows and the deliveries.
    pub async fn compare(
        &self,
        on: &Installation,
        faults: &[FaultPeriod],
    ) -> anyhow::Result<Findings> {
        let summary = LedgerSummary::read(self.ledger.read()?)?;
        let receivers = Receivers::read(self.sandbox)?;
        let times = send_times(on, faults);
        let readers = self.readers.records();
        let mut comparison = Comparison::new(&summary, &receivers, &times, &readers);
        on.database.rows(|row| comparison.add(row)).await?;
        Ok(comparison.finish())
    }

    /// Waits for at most [`LIMIT`] until everything is recorded, delivered and seen. Returns when it was.
    pub async fn settle(&self, on: &Installation, faults: &[FaultPeriod]) -> Option<Instant> {
        let mut deadline = Instant::now() + LIMIT;
        let mut logged = String::new();
        loop {
            let now = Instant::now();
            let reason = match self.check(on, faults).await {
                Ok(Check::Settled) => return Some(now),
                Ok(Check::InProgress(what)) => what,
                Ok(Check::Missing(what)) => {
                    deadline = deadline.min(now + MISSING);
                    what
                }
                Err(error) => format!("{error:#}"),
            };
            if now > deadline {
                on.log.error(format_args!("not settled: {reason}"));
                return None;
            }
            if reason != logged {
                on.log.info(format_args!("not settled yet: {reason}"));
                logged = reason;
            }
            wait(CHECK_INTERVAL).await;
        }
    }

    async fn check(&self, on: &Installation, faults: &[FaultPeriod]) -> anyhow::Result<Check> {
        let in_progress = |what| Ok(Check::InProgress(what));
        let unready = on.unready().await;
        if !unready.is_empty() {
            return in_progress(unready.join(", "));
        }
        let RemainingMessages { waiting, .. } = on.broker.remaining_messages().await?;
        if !waiting.is_empty() {
            return in_progress(format!("messages in queues: {waiting:?}"));
        }
        let held = on.broker.unacknowledged().await?;
        if held > 0 {
            return in_progress(format!("consumers hold {held} messages"));
        }
        let unsettled = on.database.unsettled().await?;
        if unsettled > 0 {
            return in_progress(format!("{unsettled} notifications are not delivered"));
        }
        let found = self.compare(on, faults).await?;
        Ok(match (found.lost, found.undelivered, found.unseen) {
            (0, 0, 0) => Check::Settled,
            (lost, undelivered, unseen) => Check::Missing(format!(
                "{lost} not recorded, {undelivered} not delivered, {unseen} not seen in inboxes"
            )),
        })
    }
}

/// What is known about the times of sends: the steps of PostgreSQL's clock, and the faults that made sends slow.
fn send_times(on: &Installation, faults: &[FaultPeriod]) -> SendTimes {
    let freezes = faults.iter().filter(|fault| fault.is_frozen_worker());
    let freezes = freezes.map(|fault| (timestamp_of(fault.from), timestamp_of(fault.until)));
    let stalls = faults.iter().filter(|fault| fault.slows_claims());
    let stalls = stalls.map(|fault| (timestamp_of(fault.from), timestamp_of(fault.until)));
    SendTimes::new(on.clock.history(), freezes.collect(), stalls.collect())
}

/// The state of settling.
enum Check {
    Settled,
    /// Something is not finished.
    InProgress(String),
    /// Nothing is in progress, but something is missing. A message may be between two queues.
    Missing(String),
}
