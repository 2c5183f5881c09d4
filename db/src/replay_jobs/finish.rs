use uuid::Uuid;

use super::TakenJob;
use crate::Transaction;
use crate::error::DbError;
use crate::notifications::mark_failed;

/// What came of the messages of a chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChunkResult {
    /// The broker has not confirmed these, but may: they stay in flight.
    pub left: Vec<Uuid>,
    /// No queue takes these, with the code of the failure: they are dead letters again.
    pub refused: Vec<(Uuid, &'static str)>,
    /// Why some are left or refused.
    pub error: Option<String>,
}

/// Records that the messages in flight are confirmed, except those that `result` names. Returns whether this process still runs
/// the job.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn finish_chunk(
    transaction: &Transaction<'_>,
    job: &TakenJob,
    result: &ChunkResult,
) -> Result<bool, DbError> {
    let refused: Vec<Uuid> = result.refused.iter().map(|(id, _)| *id).collect();
    let statement = transaction
        .prepare_cached(
            "WITH job AS (SELECT id, in_flight FROM replay_jobs WHERE id = $1 AND lease_token = $2 FOR UPDATE),
                  confirmed AS (SELECT one.id FROM job, unnest(in_flight) AS one (id)
                                WHERE one.id <> ALL($3) AND one.id <> ALL($4)),
                  -- A letter that was refused is listed again.
                  letters AS (UPDATE dead_letters
                              SET body = CASE WHEN id = ANY($4) THEN body END,
                                  removed_at = CASE WHEN id = ANY($4) THEN NULL ELSE removed_at END,
                                  failed_at = CASE WHEN id = ANY($4) THEN clock_timestamp() ELSE failed_at END
                              WHERE removed_at IS NOT NULL
                                    AND (id IN (SELECT id FROM confirmed) OR id = ANY($4)))
             UPDATE replay_jobs
             SET in_flight = $3, failed = failed + cardinality($4), last_error = $5,
                 done = done + (SELECT count(*) FROM confirmed)
             FROM job WHERE replay_jobs.id = job.id",
        )
        .await?;
    let changed = transaction
        .execute(
            &statement,
            &[&job.id, &job.token, &result.left, &refused, &result.error],
        )
        .await?;
    if changed == 0 {
        return Ok(false);
    }
    for (id, reason) in &result.refused {
        let error = format!("{reason}: the message of the replay could not be published");
        mark_failed(transaction, (*id).into(), reason, &error).await?;
    }
    Ok(true)
}

/// `running → done`. What the filter matched at first and the job has not met was changed by others.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn end(
    transaction: &Transaction<'_>,
    job: &TakenJob,
    note: Option<&str>,
) -> Result<bool, DbError> {
    let statement = transaction
        .prepare_cached(
            "UPDATE replay_jobs
             SET state = 'done', finished_at = now(), lease_token = NULL, lease_until = NULL, last_error = $3,
                 total = greatest(total, done + failed + skipped),
                 skipped = greatest(skipped, total - done - failed),
                 skipped_reasons = CASE WHEN total > done + failed + skipped
                     THEN skipped_reasons || jsonb_build_object('changed',
                              coalesce((skipped_reasons ->> 'changed')::bigint, 0) + total - done - failed - skipped)
                     ELSE skipped_reasons END
             WHERE id = $1 AND lease_token = $2 AND state = 'running' AND in_flight = '{}'",
        )
        .await?;
    let ended = transaction
        .execute(&statement, &[&job.id, &job.token, &note])
        .await?;
    Ok(ended == 1)
}
