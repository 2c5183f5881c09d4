use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::filter::{DeadLetterFilter, NO_CHANNEL, UNKNOWN};
use crate::GenericClient;
use crate::error::DbError;

/// How many dead letters a filter matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// All of them.
    pub total: i64,
    /// By the code of the failure.
    pub by_reason: BTreeMap<String, i64>,
    /// By the channel, or the stage; `none` for those that name none.
    pub by_channel: BTreeMap<String, i64>,
}

impl Figures {
    /// The figures as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({"total": self.total, "byReason": self.by_reason, "byChannel": self.by_channel})
    }
}

/// Counts the dead letters that match. Reads the index of failed rows only.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn figures(
    client: &impl GenericClient,
    filter: &DeadLetterFilter,
) -> Result<Figures, DbError> {
    let sql = format!(
        "SELECT reason, channel, sum(n)::bigint FROM (
             SELECT coalesce(failure_reason, '{UNKNOWN}') AS reason, type AS channel, count(*) AS n
             FROM notifications WHERE {} GROUP BY 1, 2
             UNION ALL
             SELECT reason, coalesce(stage, '{NO_CHANNEL}'), count(*) FROM dead_letters WHERE {} GROUP BY 1, 2
         ) AS counted GROUP BY 1, 2",
        filter.row_conditions(),
        filter.letter_conditions()
    );
    let statement = client.prepare_cached(&sql).await?;
    let ids = filter.ids_parameter();
    let rows = client.query(&statement, &filter.parameters(&ids)).await?;
    let mut figures = Figures::default();
    for row in rows {
        let n: i64 = row.get(2);
        figures.total += n;
        *figures.by_reason.entry(row.get(0)).or_default() += n;
        *figures.by_channel.entry(row.get(1)).or_default() += n;
    }
    Ok(figures)
}
