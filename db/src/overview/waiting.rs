use std::time::Duration;

use crate::GenericClient;
use crate::error::DbError;

/// How many of the oldest notifications are looked at.
const LOOKED_AT: i64 = 1000;

/// Since when the oldest notification waits that may be sent now: not one of the channels `stopped`, and not one that waits
/// for a destination. Looks at the 1000 oldest that are pending; `None` if none of them counts.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn oldest_waiting(
    client: &impl GenericClient,
    stopped: &[&str],
) -> Result<Option<Duration>, DbError> {
    // The condition is that of the index `notifications_unfinished_idx`.
    let statement = client
        .prepare_cached(
            "SELECT extract(epoch FROM now() - min(greatest(created_at, not_before, replayed_at)))::float8
             FROM (SELECT created_at, not_before, replayed_at, deferred_since, type FROM notifications
                   WHERE status = 'pending' ORDER BY id LIMIT $1) AS oldest
             WHERE deferred_since IS NULL AND type <> ALL ($2)",
        )
        .await?;
    let age: Option<f64> = client
        .query_one(&statement, &[&LOOKED_AT, &stopped])
        .await?
        .get(0);
    // The clock of the API that accepted it may be ahead.
    Ok(age.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default()))
}
