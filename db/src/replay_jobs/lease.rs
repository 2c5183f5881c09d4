use std::time::Duration;

use uuid::Uuid;

use super::{JobKind, TakenJob};
use crate::GenericClient;
use crate::error::DbError;

/// Takes the oldest job that must run, or whose messages are not all confirmed, and that no living process runs.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn take(
    client: &impl GenericClient,
    lease: Duration,
) -> Result<Option<TakenJob>, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE replay_jobs
             SET state = CASE state WHEN 'pending' THEN 'running' ELSE state END,
                 started_at = coalesce(started_at, now()), lease_token = $1,
                 lease_until = clock_timestamp() + make_interval(secs => $2)
             WHERE id = (SELECT id FROM replay_jobs
                         WHERE (state IN ('pending', 'running') OR in_flight <> '{}')
                               AND (lease_until IS NULL OR lease_until <= clock_timestamp())
                         ORDER BY created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
             RETURNING id, kind",
        )
        .await?;
    let token = Uuid::new_v4();
    let row = client
        .query_opt(&statement, &[&token, &lease.as_secs_f64()])
        .await?;
    Ok(row.map(|row| TakenJob {
        id: row.get(0),
        kind: JobKind::of(row.get(1)),
        token,
    }))
}

/// Gives a job back, so that any process may continue it at once.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn release(client: &impl GenericClient, job: &TakenJob) -> Result<(), DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE replay_jobs SET lease_token = NULL, lease_until = NULL WHERE id = $1 AND lease_token = $2",
        )
        .await?;
    client.execute(&statement, &[&job.id, &job.token]).await?;
    Ok(())
}
