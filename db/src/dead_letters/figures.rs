use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::filter::{DeadLetterFilter, FAILED_AT, NO_CHANNEL, UNKNOWN};
use crate::GenericClient;
use crate::error::DbError;

/// How many are counted in a dry run at most: of the failed notifications, and of the letters without a row.
pub const MAX_COUNTED: u32 = 20_000;

/// How many dead letters a filter matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// All of them.
    pub total: i64,
    /// By the code of the failure.
    pub by_reason: BTreeMap<String, i64>,
    /// By the channel, or the stage; `none` for those that name none.
    pub by_channel: BTreeMap<String, i64>,
    /// Whether there are more than were counted.
    pub is_capped: bool,
}

impl Figures {
    /// The figures as JSON. Leaves out whether they are capped.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({"total": self.total, "byReason": self.by_reason, "byChannel": self.by_channel})
    }
}

/// Counts the dead letters that match: of the failed notifications, and of the letters without a row, at most `limit`. Reads their
/// indexes only.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn figures(
    client: &impl GenericClient,
    filter: &DeadLetterFilter,
    limit: Option<u32>,
) -> Result<Figures, DbError> {
    // The order makes PostgreSQL read the first ones of an index, instead of the table.
    let (by_time, by_failed_at) = if limit.is_some() {
        (
            format!("ORDER BY {FAILED_AT} DESC"),
            "ORDER BY failed_at DESC",
        )
    } else {
        (String::new(), "")
    };
    let sql = format!(
        "SELECT reason, channel, is_row, count(*) FROM (
             (SELECT coalesce(failure_reason, '{UNKNOWN}') AS reason, type AS channel, true AS is_row
              FROM notifications WHERE {} {by_time} LIMIT $6)
             UNION ALL
             (SELECT reason, coalesce(stage, '{NO_CHANNEL}'), false FROM dead_letters WHERE {} {by_failed_at} LIMIT $6)
         ) AS counted GROUP BY 1, 2, 3",
        filter.row_conditions(),
        filter.letter_conditions()
    );
    let statement = client.prepare_cached(&sql).await?;
    let ids = filter.ids_parameter();
    let limit = limit.map(i64::from);
    // One more shows that there are more.
    let asked = limit.map(|limit| limit + 1);
    let mut parameters = filter.parameters(&ids);
    parameters.push(&asked);
    let rows = client.query(&statement, &parameters).await?;
    let (mut figures, mut counted) = (Figures::default(), [0, 0]);
    for row in rows {
        let n: i64 = row.get(3);
        figures.total += n;
        counted[usize::from(row.get::<_, bool>(2))] += n;
        *figures.by_reason.entry(row.get(0)).or_default() += n;
        *figures.by_channel.entry(row.get(1)).or_default() += n;
    }
    figures.is_capped = limit.is_some_and(|limit| counted.iter().any(|n| *n > limit));
    Ok(figures)
}
