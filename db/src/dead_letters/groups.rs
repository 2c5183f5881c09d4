use jiff::Timestamp;

use super::figures::MAX_COUNTED;
use super::filter::{DeadLetterFilter, FAILED_AT, UNKNOWN};
use crate::GenericClient;
use crate::error::DbError;

/// The dead letters with one reason and one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterGroup {
    /// The code of the failure.
    pub reason: String,
    /// The channel or the stage; `None` if the messages name no known stage.
    pub channel: Option<String>,
    /// How many.
    pub count: i64,
    /// When the first of them failed.
    pub first_failed_at: Timestamp,
    /// When the last of them failed.
    pub last_failed_at: Timestamp,
    /// The error of the one that failed last.
    pub error: Option<String>,
}

/// All groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterGroups {
    /// The largest first.
    pub groups: Vec<DeadLetterGroup>,
    /// Whether there are more dead letters than are counted.
    pub is_capped: bool,
}

/// Counts dead letters by reason and channel. Looks at the last 20,000 failed notifications, and at as many letters without a
/// row.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn groups(
    client: &impl GenericClient,
    filter: &DeadLetterFilter,
) -> Result<DeadLetterGroups, DbError> {
    // The errors are read for the groups only, because they are in no index.
    let sql = format!(
        "WITH letter AS MATERIALIZED (
             (SELECT coalesce(failure_reason, '{UNKNOWN}') AS reason, type AS channel, {FAILED_AT} AS at, true AS is_row
              FROM notifications WHERE {} ORDER BY {FAILED_AT} DESC LIMIT $6)
             UNION ALL
             (SELECT reason, stage, failed_at, false
              FROM dead_letters WHERE {} ORDER BY failed_at DESC LIMIT $6)
         ), grouped AS MATERIALIZED (
             SELECT reason, channel, count(*) AS n, count(*) FILTER (WHERE is_row) AS rows, min(at) AS first, max(at) AS last
             FROM letter GROUP BY 1, 2
         )
         SELECT reason, channel, n, rows, first, last,
                coalesce((SELECT error_message FROM notifications
                          WHERE status = 'failed' AND purged_at IS NULL AND coalesce(failure_reason, '{UNKNOWN}') = grouped.reason
                                AND {FAILED_AT} = grouped.last AND type = grouped.channel LIMIT 1),
                         (SELECT detail FROM dead_letters
                          WHERE removed_at IS NULL AND reason = grouped.reason AND failed_at = grouped.last
                                AND stage IS NOT DISTINCT FROM grouped.channel LIMIT 1))
         FROM grouped ORDER BY n DESC, 1, 2",
        filter.row_conditions(),
        filter.letter_conditions()
    );
    let statement = client.prepare_cached(&sql).await?;
    let ids = filter.ids_parameter();
    let limit = i64::from(MAX_COUNTED);
    // One more shows that there are more.
    let asked = limit + 1;
    let mut parameters = filter.parameters(&ids);
    parameters.push(&asked);
    let rows = client.query(&statement, &parameters).await?;
    let groups: Vec<DeadLetterGroup> = rows
        .iter()
        .map(|row| DeadLetterGroup {
            reason: row.get(0),
            channel: row.get(1),
            count: row.get(2),
            first_failed_at: row.get(4),
            last_failed_at: row.get(5),
            error: row.get(6),
        })
        .collect();
    let count = |column| -> i64 { rows.iter().map(|row| row.get::<_, i64>(column)).sum() };
    let (all, of_rows) = (count(2), count(3));
    Ok(DeadLetterGroups {
        groups,
        is_capped: of_rows.max(all - of_rows) > limit,
    })
}
