use std::time::Duration;

use anyhow::Context;
use indicatif::ProgressBar;
use tidings_db::{Database, notifications};
use tidings_domain::notification::Notification;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::messages::notification;
use crate::load::Bodies;

/// As the intake is set by default: batches at once, and the notifications in one.
const CONNECTIONS: u64 = 4;
const BATCH: u64 = 256;

/// Runs the intake's own INSERT, `count` notifications from memory. Returns how long that took.
///
/// # Errors
///
/// Where PostgreSQL refuses.
pub async fn insert(
    database: &Database,
    bodies: &Bodies,
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
            let client = database.client().await.context("PostgreSQL is away")?;
            let mut start = numbers.start;
            while start < numbers.end {
                let end = (start + BATCH).min(numbers.end);
                // Made one batch at a time, so that ids are as near to each other as in life.
                let batch: Vec<Notification> = (start..end)
                    .map(|number| notification(&bodies, number))
                    .collect::<anyhow::Result<_>>()?;
                let batch: Vec<&Notification> = batch.iter().collect();
                notifications::record(&*client, &batch).await?;
                progress.inc(end - start);
                start = end;
            }
            client.keep();
            anyhow::Ok(())
        });
    }
    while let Some(done) = inserting.join_next().await {
        done??;
    }
    Ok(began.elapsed())
}
