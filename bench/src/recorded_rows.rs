//! The rows of posted notifications.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use anyhow::Context;
use indicatif::ProgressBar;
use jiff::Timestamp;
use tidings_db::{Database, notifications};
use tidings_domain::notification::MessageId;
use tokio::time::Instant;

use crate::latency::Latencies;
use crate::test_users::TestUsers;

/// The shortest pause between two counts of the rows.
const MIN_PAUSE: Duration = Duration::from_millis(250);

/// How many times longer than a count the pause after it must be, so that counting does not slow down what is
/// measured.
const PAUSE_FACTOR: u32 = 20;

/// If no row arrives for this long, the missing rows are lost.
const NO_PROGRESS_TIMEOUT: Duration = Duration::from_secs(30);

/// The result of comparing posted notifications with rows.
#[derive(Debug, Default)]
pub struct RecordedRows {
    /// Rows.
    pub rows: u64,
    /// Accepted notifications without a row.
    pub lost: u64,
    /// Rows beyond the first for the same posted notification.
    pub doubled: u64,
    /// From when a request was due to `processed_at` of its notification.
    pub latencies: Latencies,
    /// The first `processed_at`, in microseconds since 1970.
    pub first: i64,
    /// The last `processed_at`.
    pub last: i64,
}

/// Waits until there are at least `wanted` rows, or no row has arrived for [`NO_PROGRESS_TIMEOUT`].
///
/// # Errors
///
/// Returns an error if PostgreSQL is unavailable.
pub async fn wait(
    database: &Database,
    users: &TestUsers,
    wanted: u64,
    progress: &ProgressBar,
) -> anyhow::Result<()> {
    let (mut seen, mut since) = (0, Instant::now());
    loop {
        let asked = Instant::now();
        let now = database
            .run(async |client| notifications::count_of_users(client, users.ids()).await)
            .await
            .context("PostgreSQL is unavailable")?;
        let took = asked.elapsed();
        progress.set_position(now);
        if now > seen {
            (seen, since) = (now, Instant::now());
        }
        if now >= wanted || since.elapsed() > NO_PROGRESS_TIMEOUT {
            return Ok(());
        }
        tokio::time::sleep(MIN_PAUSE.max(took * PAUSE_FACTOR)).await;
    }
}

/// Compares accepted notifications with rows. `began` is when the request of each notification began, in
/// microseconds since 1970.
///
/// # Errors
///
/// Returns an error if PostgreSQL is unavailable.
pub async fn compare(
    database: &Database,
    users: &TestUsers,
    began: &BTreeMap<MessageId, i64>,
) -> anyhow::Result<RecordedRows> {
    let mut recorded = RecordedRows::default();
    let (mut found, mut numbers) = (0, HashSet::new());
    for user in users.ids() {
        let rows = database
            .run(async |client| notifications::rows_of_user(client, *user).await)
            .await
            .context("PostgreSQL is unavailable")?;
        for row in rows {
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
                    recorded.latencies.record(Duration::from_micros(micros));
                }
            }
        }
    }
    recorded.lost = (began.len() as u64).saturating_sub(found);
    Ok(recorded)
}
