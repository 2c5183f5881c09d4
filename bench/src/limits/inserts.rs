//! The limit of PostgreSQL: the INSERT of the intake.

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
        let share = count / CONNECTIONS;
        let numbers = nth * share..(nth + 1) * share;
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
