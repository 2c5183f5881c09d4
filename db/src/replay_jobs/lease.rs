use std::time::Duration;

use tokio_postgres::Row;
use uuid::Uuid;

use super::{JobKind, TakenJob};
use crate::GenericClient;
use crate::error::DbError;

/// The jobs whose dead letters must be taken, or whose messages are not all confirmed.
const HAS_CHUNKS: &str = "(phase <> 'ended' AND (state IN ('pending', 'running') AND phase IN ('rows', 'letters') OR in_flight <> '{}'))";

/// The jobs whose copies must be removed from the queue. An aborted job has such copies, too.
const HAS_COPIES: &str =
    "(state IN ('pending', 'running', 'aborted') AND phase = 'queue' AND in_flight = '{}')";

/// Which part of a job a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobWork {
    /// Takes dead letters, chunk by chunk.
    Chunks,
    /// Removes the copies in the queue.
    Copies,
}

impl JobWork {
    const fn condition(self) -> &'static str {
        match self {
            Self::Chunks => HAS_CHUNKS,
            Self::Copies => HAS_COPIES,
        }
    }
}

/// Takes a job that is due and that no living process runs: the one that was served least recently.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn take(
    client: &impl GenericClient,
    work: JobWork,
    lease: Duration,
) -> Result<Option<TakenJob>, DbError> {
    let sql = format!(
        "UPDATE replay_jobs
         SET state = CASE state WHEN 'pending' THEN 'running' ELSE state END,
             started_at = coalesce(started_at, now()), served_at = clock_timestamp(), lease_token = $1,
             lease_until = clock_timestamp() + make_interval(secs => $2)
         WHERE id = (SELECT id FROM replay_jobs
                     WHERE {} AND (lease_until IS NULL OR lease_until <= clock_timestamp())
                           AND (due_at IS NULL OR due_at <= clock_timestamp())
                     ORDER BY served_at NULLS FIRST, created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
         RETURNING id, kind",
        work.condition()
    );
    let statement = client.prepare_cached(&sql).await?;
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

/// The time until a job is due that no process runs; `None` if there is no such job.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn next_due(
    client: &impl GenericClient,
    work: JobWork,
) -> Result<Option<Duration>, DbError> {
    let sql = format!(
        "SELECT extract(epoch FROM min(greatest(due_at, lease_until)) - clock_timestamp())::float8
         FROM replay_jobs WHERE {} AND coalesce(due_at, lease_until) IS NOT NULL",
        work.condition()
    );
    let statement = client.prepare_cached(&sql).await?;
    let row: Row = client.query_one(&statement, &[]).await?;
    let seconds: Option<f64> = row.get(0);
    Ok(seconds.map(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default()))
}

/// Renews the lease of a job. Returns whether this process still runs it.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn renew(
    client: &impl GenericClient,
    job: &TakenJob,
    lease: Duration,
) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE replay_jobs SET lease_until = clock_timestamp() + make_interval(secs => $3)
             WHERE id = $1 AND lease_token = $2",
        )
        .await?;
    let renewed = client
        .execute(&statement, &[&job.id, &job.token, &lease.as_secs_f64()])
        .await?;
    Ok(renewed == 1)
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

/// Gives a job back that failed, so that it is tried again after `pause`, and the other jobs meanwhile.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn postpone(
    client: &impl GenericClient,
    job: &TakenJob,
    pause: Duration,
    error: &str,
) -> Result<(), DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE replay_jobs
             SET lease_token = NULL, lease_until = NULL, last_error = $4,
                 due_at = clock_timestamp() + make_interval(secs => $3)
             WHERE id = $1 AND lease_token = $2",
        )
        .await?;
    client
        .execute(
            &statement,
            &[&job.id, &job.token, &pause.as_secs_f64(), &error],
        )
        .await?;
    Ok(())
}
