use jiff::Timestamp;

use super::filter::{DeadLetterFilter, FAILED_AT, UNKNOWN};
use crate::GenericClient;
use crate::error::DbError;

/// How many dead letters are counted at most: of the failed notifications, and of the letters without a row, those that failed
/// last.
const MAX_COUNTED: i64 = 100_000;

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

/// Counts dead letters by reason and channel. Looks at the last 100,000 failed notifications, and at as many letters without a
/// row.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn groups(
    client: &impl GenericClient,
    filter: &DeadLetterFilter,
) -> Result<DeadLetterGroups, DbError> {
    let sql = format!(
        "WITH letter AS MATERIALIZED (
             (SELECT coalesce(failure_reason, '{UNKNOWN}') AS reason, type AS channel, {FAILED_AT} AS at, error_message AS error
              FROM notifications WHERE {} ORDER BY {FAILED_AT} DESC LIMIT {MAX_COUNTED})
             UNION ALL
             (SELECT reason, stage, failed_at, detail
              FROM dead_letters WHERE {} ORDER BY failed_at DESC LIMIT {MAX_COUNTED})
         )
         SELECT reason, channel, count(*), min(at), max(at), (array_agg(error ORDER BY at DESC))[1]
         FROM letter GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2",
        filter.row_conditions(),
        filter.letter_conditions()
    );
    let statement = client.prepare_cached(&sql).await?;
    let ids = filter.ids_parameter();
    let rows = client.query(&statement, &filter.parameters(&ids)).await?;
    let groups: Vec<DeadLetterGroup> = rows
        .iter()
        .map(|row| DeadLetterGroup {
            reason: row.get(0),
            channel: row.get(1),
            count: row.get(2),
            first_failed_at: row.get(3),
            last_failed_at: row.get(4),
            error: row.get(5),
        })
        .collect();
    let counted: i64 = groups.iter().map(|group| group.count).sum();
    Ok(DeadLetterGroups {
        groups,
        is_capped: counted >= MAX_COUNTED,
    })
}
