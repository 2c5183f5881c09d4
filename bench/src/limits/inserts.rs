//! The limit of PostgreSQL: the INSERT of the intake.

use std::ops::Range;
use std::time::Duration;

use anyhow::Context;
use indicatif::ProgressBar;
use tidings_db::{Database, notifications};
use tidings_domain::notification::Notification;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::bare_client::notification;
use crate::load::RequestBodies;

/// Concurrent batches, and notifications per batch: the defaults of the intake.
const CONNECTIONS: u64 = 4;
const BATCH: u64 = 256;

/// Inserts `count` notifications with the INSERT of the intake. Returns how long that took.
///
/// # Errors
///
/// Returns an error if PostgreSQL is unavailable or refuses.
pub async fn insert(
    database: &Database,
    bodies: &RequestBodies,
    count: u64,
    progress: &ProgressBar,
) -> anyhow::Result<Duration> {
    let mut inserting = JoinSet::new();
    let began = Instant::now();
    for nth in 0..CONNECTIONS {
        let (database, bodies, progress) = (database.clone(), bodies.clone(), progress.clone());
        let numbers = share(count, nth);
        inserting.spawn(async move {
            let mut start = numbers.start;
            while start < numbers.end {
                let end = (start + BATCH).min(numbers.end);
                // Built batch by batch, so that ids are as close together as those of the API.
                let batch: Vec<Notification> = (start..end)
                    .map(|number| notification(&bodies, number))
                    .collect::<anyhow::Result<_>>()?;
                let batch: Vec<&Notification> = batch.iter().collect();
                database
                    .run(async |client| notifications::insert_batch(client, &batch).await)
                    .await
                    .context("PostgreSQL is unavailable")?;
                progress.inc(end - start);
                start = end;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = inserting.join_next().await {
        done??;
    }
    Ok(began.elapsed())
}

/// The numbers of the notifications that connection number `nth` inserts. Together, the connections insert exactly `count`.
fn share(count: u64, nth: u64) -> Range<u64> {
    count * nth / CONNECTIONS..count * (nth + 1) / CONNECTIONS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_are_exactly_what_was_asked_for() {
        for count in [0, 1, 3, 4, 1001, 40_000] {
            let shares: Vec<u64> = (0..CONNECTIONS).flat_map(|nth| share(count, nth)).collect();
            let all: Vec<u64> = (0..count).collect();
            assert_eq!(shares, all);
        }
    }
}
