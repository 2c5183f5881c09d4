//! What became of posted notifications in the database.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use anyhow::Context;
use indicatif::ProgressBar;
use jiff::Timestamp;
use tidings_db::{Database, notifications};
use tidings_domain::notification::MessageId;
use tokio::time::Instant;

use crate::latency::Latencies;
use crate::people::People;

/// How often rows are counted while they come, at most; and how much longer than a count takes the pause
/// to the next one is, so that counting does not take the machine away from what is measured.
const LOOK: Duration = Duration::from_millis(250);
const REST: u32 = 20;

/// Rows that still do not come after this long are lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was found.
#[derive(Debug, Default)]
pub struct Recorded {
    /// Rows.
    pub rows: u64,
    /// Notifications that were accepted and have no row.
    pub lost: u64,
    /// Rows beyond the first of one posted notification.
    pub doubled: u64,
    /// From the time that a request was due to its notification's `processed_at`.
    pub latencies: Latencies,
    /// The first `processed_at`, in microseconds since 1970.
    pub first: i64,
    /// The last.
    pub last: i64,
}

/// Waits until there are at least `wanted` rows, or none has come for [`PATIENCE`].
///
/// # Errors
///
/// Where PostgreSQL is away.
pub async fn wait(
    database: &Database,
    people: &People,
    wanted: u64,
    progress: &ProgressBar,
) -> anyhow::Result<()> {
    let client = database.client().await.context("PostgreSQL is away")?;
    let (mut seen, mut since) = (0, Instant::now());
    loop {
        let asked = Instant::now();
        let now = notifications::count(&*client, people.ids()).await?;
        let took = asked.elapsed();
        progress.set_position(now);
        if now > seen {
            (seen, since) = (now, Instant::now());
        }
        if now >= wanted || since.elapsed() > PATIENCE {
            client.keep();
            return Ok(());
        }
        tokio::time::sleep(LOOK.max(took * REST)).await;
    }
}

/// Compares what was accepted, each with when its request was begun in microseconds since 1970, with what
/// was recorded.
///
/// # Errors
///
/// Where PostgreSQL is away.
pub async fn compare(
    database: &Database,
    people: &People,
    began: &BTreeMap<MessageId, i64>,
) -> anyhow::Result<Recorded> {
    let mut recorded = Recorded::default();
    let (mut found, mut numbers) = (0, HashSet::new());
    let client = database.client().await.context("PostgreSQL is away")?;
    for user in people.ids() {
        for row in notifications::measured(&*client, *user).await? {
            recorded.rows += 1;
            if row.number.is_some_and(|number| !numbers.insert(number)) {
                recorded.doubled += 1;
            }
            let began = began.get(&row.message_id);
            found += u64::from(began.is_some());
            if let Some(processed) = row.processed_at.map(Timestamp::as_microsecond) {
                recorded.first = match recorded.first {
                    0 => processed,
                    first => first.min(processed),
                };
                recorded.last = recorded.last.max(processed);
                if let Some(began) = began {
                    let micros = u64::try_from(processed - began).unwrap_or(0);
                    recorded.latencies.note(Duration::from_micros(micros));
                }
            }
        }
    }
    client.keep();
    recorded.lost = (began.len() as u64).saturating_sub(found);
    Ok(recorded)
}
