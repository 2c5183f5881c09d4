use tidings_domain::overview::{CappedCount, DatedCount, JobFacts};

use crate::GenericClient;
use crate::dead_letters::FAILED_AT;
use crate::error::DbError;
use crate::replay_jobs::{OPEN, WAITS_SINCE};

/// How far anything is counted.
pub const MAX_COUNTED: i64 = 1000;

/// Counts the dead letters that are neither replayed nor purged: all of them, and those of the last 24 hours, each up to
/// [`MAX_COUNTED`].
///
/// # Errors
///
/// Returns the error of the query.
pub async fn dead_letters(client: &impl GenericClient) -> Result<[CappedCount; 2], DbError> {
    // The conditions and the orders are those of the indexes, so that PostgreSQL stops at the limit. Those of the last day
    // are the first.
    let sql = format!(
        "SELECT count(*), count(*) FILTER (WHERE at >= now() - interval '24 hours') FROM (
             (SELECT {FAILED_AT} AS at FROM notifications WHERE status = 'failed' AND purged_at IS NULL
              ORDER BY {FAILED_AT} DESC LIMIT $1)
             UNION ALL
             (SELECT failed_at FROM dead_letters WHERE removed_at IS NULL ORDER BY failed_at DESC LIMIT $1)) AS letter"
    );
    let statement = client.prepare_cached(&sql).await?;
    let row = client.query_one(&statement, &[&(MAX_COUNTED + 1)]).await?;
    Ok([capped(row.get(0)), capped(row.get(1))])
}

/// Counts the webhook endpoints that Tidings has disabled, up to [`MAX_COUNTED`].
///
/// # Errors
///
/// Returns the error of the query.
pub async fn endpoints_disabled(client: &impl GenericClient) -> Result<CappedCount, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT count(*) FROM (SELECT FROM webhook_endpoints WHERE disabled_reason IS NOT NULL LIMIT $1) AS one",
        )
        .await?;
    let row = client.query_one(&statement, &[&(MAX_COUNTED + 1)]).await?;
    Ok(capped(row.get(0)))
}

/// Counts the jobs that no process has run for a minute although one should, and those that could not go on.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn jobs(client: &impl GenericClient) -> Result<JobFacts, DbError> {
    // The conditions are those of `JobFilter`.
    let sql = format!(
        "SELECT count(*) FILTER (WHERE waits_since < now() - interval '1 minute'),
                min(waits_since) FILTER (WHERE waits_since < now() - interval '1 minute'),
                count(*) FILTER (WHERE last_error IS NOT NULL)
         FROM (SELECT {WAITS_SINCE} AS waits_since, last_error FROM replay_jobs WHERE {OPEN}
               ORDER BY created_at, id LIMIT $1) AS open"
    );
    let statement = client.prepare_cached(&sql).await?;
    let row = client.query_one(&statement, &[&MAX_COUNTED]).await?;
    let number = |column| u64::try_from(row.get::<_, i64>(column)).unwrap_or(0);
    Ok(JobFacts {
        without_process: DatedCount {
            count: number(0),
            since: row.get(1),
        },
        with_error: number(2),
    })
}

fn capped(counted: i64) -> CappedCount {
    let count = counted.min(MAX_COUNTED);
    CappedCount {
        count: u64::try_from(count).unwrap_or(0),
        is_capped: counted > MAX_COUNTED,
    }
}
