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
        let deadline = Instant::now() + LIMIT;
        let mut told = String::new();
        loop {
            let now = Instant::now();
            let why_not = match self.what_is_missing(on).await {
                Ok(None) => return Some(now),
                Ok(Some(missing)) => missing,
                Err(error) => format!("{error:#}"),
            };
            if now > deadline {
                on.story
                    .complain(format_args!("not settled within {LIMIT:?}: {why_not}"));
                return None;
            }
            if why_not != told {
                on.story.tell(format_args!("not settled yet: {why_not}"));
                told = why_not;
            }
            wait(LOOK).await;
        }
    }

    async fn what_is_missing(&self, on: &Installation) -> anyhow::Result<Option<String>> {
        let unready = on.unready().await;
        if !unready.is_empty() {
            return Ok(Some(unready.join(", ")));
        }
        let Depths { waiting, .. } = on.broker.depths().await?;
        if !waiting.is_empty() {
            return Ok(Some(format!("messages wait: {waiting:?}")));
        }
        let held = on.broker.unacknowledged().await?;
        if held > 0 {
            return Ok(Some(format!("consumers hold {held} messages")));
        }
        let unsettled = on.database.unsettled().await?;
        if unsettled > 0 {
            return Ok(Some(format!("{unsettled} notifications are not delivered")));
        }
        // A message may be where nobody can see it: between two queues.
        let found = self.compare(on).await?;
        let missing = found.lost + found.undelivered;
        Ok((missing > 0).then(|| format!("{} lost, {missing} missing", found.lost)))
    }
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
