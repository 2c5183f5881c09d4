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
                  -- Empty if another process runs the job.
                  flown AS (SELECT one.id, one.id = ANY($4) AS is_refused FROM job, unnest(in_flight) AS one (id)
                            WHERE one.id <> ALL($3)),
                  -- A letter that was refused is listed again.
                  letters AS (UPDATE dead_letters
                              SET body = CASE WHEN is_refused THEN body END,
                                  removed_at = CASE WHEN is_refused THEN NULL ELSE removed_at END,
                                  failed_at = CASE WHEN is_refused THEN clock_timestamp() ELSE failed_at END
                              FROM flown WHERE dead_letters.id = flown.id AND removed_at IS NOT NULL)
             UPDATE replay_jobs
             SET in_flight = ARRAY(SELECT one.id FROM unnest(job.in_flight) AS one (id) WHERE one.id = ANY($3)),
                 failed = failed + (SELECT count(*) FROM flown WHERE is_refused), last_error = $5,
                 done = done + (SELECT count(*) FROM flown WHERE NOT is_refused)
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

/// `running → done`, or the end of an aborted job: the copies in the queue are removed. What the filter matched at first and the job has not met was changed by others.
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
             SET state = 'done', phase = 'ended', finished_at = now(), lease_token = NULL, lease_until = NULL,
                 last_error = $3, total_is_capped = false,
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
    if ended == 1 {
        return Ok(true);
    }
    // Of a job that this version could not run, the reason stays.
    let statement = transaction
        .prepare_cached(
            "UPDATE replay_jobs
             SET phase = 'ended', lease_token = NULL, lease_until = NULL, last_error = coalesce($3, last_error)
             WHERE id = $1 AND lease_token = $2 AND state = 'aborted' AND in_flight = '{}'",
        )
        .await?;
    let ended = transaction
        .execute(&statement, &[&job.id, &job.token, &note])
        .await?;
    Ok(ended == 1)
}
