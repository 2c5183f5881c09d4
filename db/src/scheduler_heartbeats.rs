//! The table `scheduler_heartbeats`: which schedulers run.

use std::time::Duration;

use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;

/// Records that the scheduler `id` runs, with the version of its program. Removes schedulers that have not run for a day.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn beat(client: &impl GenericClient, id: Uuid, version: &str) -> Result<(), DbError> {
    let statement = client
        .prepare_cached(
            "WITH gone AS (
                 DELETE FROM scheduler_heartbeats
                 WHERE id IN (SELECT id FROM scheduler_heartbeats WHERE beat_at < now() - interval '1 day'
                              FOR UPDATE SKIP LOCKED)
             )
             INSERT INTO scheduler_heartbeats (id, beat_at, version) VALUES ($1, now(), $2)
             ON CONFLICT (id) DO UPDATE SET beat_at = now()",
        )
        .await?;
    client.execute(&statement, &[&id, &version]).await?;
    Ok(())
}

/// The time since a scheduler last ran; `None` if none has run within a day.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn last_beat(client: &impl GenericClient) -> Result<Option<Duration>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT extract(epoch FROM now() - max(beat_at))::float8 FROM scheduler_heartbeats
             -- A heartbeat in the future is from before the clock was set back.
             WHERE beat_at BETWEEN now() - interval '1 day' AND now() + interval '5 seconds'",
        )
        .await?;
    let age: Option<f64> = client.query_one(&statement, &[]).await?.get(0);
    Ok(age.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default()))
}

/// The versions of the schedulers that have run within a minute, in ascending order of their text.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn running_versions(client: &impl GenericClient) -> Result<Vec<String>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT DISTINCT version FROM scheduler_heartbeats
             WHERE beat_at BETWEEN now() - interval '1 minute' AND now() + interval '5 seconds' ORDER BY version",
        )
        .await?;
    let rows = client.query(&statement, &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
