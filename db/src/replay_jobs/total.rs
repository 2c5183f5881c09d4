use jiff::Timestamp;
use serde_json::Value;

use super::TakenJob;
use crate::GenericClient;
use crate::dead_letters::{DeadLetterFilter, figures};
use crate::error::DbError;

/// Counts all dead letters of a job whose total is a lower bound, before the job takes the first of them. Returns the total if it was
/// counted.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn count_total(
    client: &impl GenericClient,
    job: &TakenJob,
) -> Result<Option<i64>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT filter, created_at FROM replay_jobs
             WHERE id = $1 AND lease_token = $2 AND total_is_capped AND phase = 'rows' AND after_id IS NULL",
        )
        .await?;
    let Some(row) = client.query_opt(&statement, &[&job.id, &job.token]).await? else {
        return Ok(None);
    };
    // A filter that this version cannot read ends the job.
    let Ok(mut filter) = DeadLetterFilter::from_json(&row.get::<_, Value>(0)) else {
        return Ok(None);
    };
    // The job takes what failed at the time of its creation or earlier.
    let created_at: Timestamp = row.get(1);
    let end = created_at + jiff::SignedDuration::from_micros(1);
    filter.to = Some(filter.to.map_or(end, |to| to.min(end)));
    let figures = figures(client, &filter).await?;
    let statement = client
        .prepare_cached(
            "UPDATE replay_jobs SET total = $3, figures = $4, total_is_capped = false WHERE id = $1 AND lease_token = $2",
        )
        .await?;
    client
        .execute(
            &statement,
            &[&job.id, &job.token, &figures.total, &figures.to_json()],
        )
        .await?;
    Ok(Some(figures.total))
}
