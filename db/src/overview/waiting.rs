use std::time::Duration;

use tidings_domain::notification::Channel;

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
    let waiting = oldest_waiting_by_channel(client, stopped).await?;
    Ok(waiting.into_iter().map(|(_, age)| age).max())
}

/// Like [`oldest_waiting`], for each channel of which one counts.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn oldest_waiting_by_channel(
    client: &impl GenericClient,
    stopped: &[&str],
) -> Result<Vec<(Channel, Duration)>, DbError> {
    // The condition is that of the index `notifications_unfinished_idx`.
    let statement = client
        .prepare_cached(
            "SELECT type, extract(epoch FROM now() - min(greatest(created_at, not_before, replayed_at)))::float8
             FROM (SELECT created_at, not_before, replayed_at, deferred_since, type FROM notifications
                   WHERE status = 'pending' ORDER BY id LIMIT $1) AS oldest
             WHERE deferred_since IS NULL AND type <> ALL ($2) GROUP BY type",
        )
        .await?;
    let rows = client.query(&statement, &[&LOOKED_AT, &stopped]).await?;
    let ages = rows.iter().filter_map(|row| {
        let channel = row.get::<_, &str>(0).parse().ok()?;
        // The clock of the API that accepted it may be ahead.
        let age = Duration::try_from_secs_f64(row.get(1)).unwrap_or_default();
        Some((channel, age))
    });
    Ok(ages.collect())
}
