//! The end of a run: everything that was accepted comes through, and is counted.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::installation::{Depths, Installation};
use crate::ledger::Ledger;
use crate::pause::wait;
use crate::verify::{Comparison, Findings, Promises, id_of_file};

/// How long it may take until nothing waits any more. Messages may be on the wait queue of 30 s, behind
/// the lease of a worker that was killed (30 s), on the third rung of the ladder (25 s).
pub const LIMIT: Duration = Duration::from_mins(5);

/// How long it may take until what cannot be found anywhere is there after all: the broker tries again to
/// hand over a dead letter, of which it has had no confirm, after some seconds.
const MISSING: Duration = Duration::from_mins(1);

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);

/// The books of a run.
pub struct Books<'a> {
    pub ledger: &'a Ledger,
    pub sandbox: &'a Path,
}

impl Books<'_> {
    /// Compares what was promised with what is recorded and delivered.
    pub async fn compare(&self, on: &Installation) -> anyhow::Result<Findings> {
        let promises = Promises::read(self.ledger.read()?)?;
        let delivered = delivered(self.sandbox)?;
        let mut comparison = Comparison::new(&promises, &delivered);
        on.database.rows(|row| comparison.add(row)).await?;
        Ok(comparison.finish())
    }

    /// Waits until nothing is under way any more and everything is as it was promised, at most for
    /// [`LIMIT`], and tells when that was.
    pub async fn settle(&self, on: &Installation) -> Option<Instant> {
        let mut deadline = Instant::now() + LIMIT;
        let mut told = String::new();
        loop {
            let now = Instant::now();
            let why_not = match self.look(on).await {
                Ok(Look::Settled) => return Some(now),
                Ok(Look::UnderWay(what)) => what,
                Ok(Look::Missing(what)) => {
                    deadline = deadline.min(now + MISSING);
                    what
                }
                Err(error) => format!("{error:#}"),
            };
            if now > deadline {
                on.story.complain(format_args!("not settled: {why_not}"));
                return None;
            }
            if why_not != told {
                on.story.tell(format_args!("not settled yet: {why_not}"));
                told = why_not;
            }
            wait(LOOK).await;
        }
    }

    async fn look(&self, on: &Installation) -> anyhow::Result<Look> {
        let under_way = |what| Ok(Look::UnderWay(what));
        let unready = on.unready().await;
        if !unready.is_empty() {
            return under_way(unready.join(", "));
        }
        let Depths { waiting, .. } = on.broker.depths().await?;
        if !waiting.is_empty() {
            return under_way(format!("messages wait: {waiting:?}"));
        }
        let held = on.broker.unacknowledged().await?;
        if held > 0 {
            return under_way(format!("consumers hold {held} messages"));
        }
        let unsettled = on.database.unsettled().await?;
        if unsettled > 0 {
            return under_way(format!("{unsettled} notifications are not delivered"));
        }
        let found = self.compare(on).await?;
        Ok(match (found.lost, found.undelivered) {
            (0, 0) => Look::Settled,
            (lost, undelivered) => {
                Look::Missing(format!("{lost} not recorded, {undelivered} not delivered"))
            }
        })
    }
}

/// How things stand.
enum Look {
    Settled,
    /// Something can be seen that is not done yet.
    UnderWay(String),
    /// Nothing can be seen, and not everything is there. A message may be between two queues.
    Missing(String),
}

/// The message ids of all files in the sandbox's folders.
fn delivered(sandbox: &Path) -> anyhow::Result<HashSet<Uuid>> {
    let mut ids = HashSet::new();
    let Ok(folders) = fs::read_dir(sandbox) else {
        // Nothing has been delivered.
        return Ok(ids);
    };
    for folder in folders {
        for file in fs::read_dir(folder?.path())? {
            // What is half-written has a name that begins with a dot.
            if let Some(Ok(id)) = file?.file_name().to_str().map(id_of_file) {
                ids.insert(id);
            }
        }
    }
    Ok(ids)
}
