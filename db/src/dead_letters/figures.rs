use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::filter::{DeadLetterFilter, NONE, UNKNOWN};
use super::groups::{DeadLetterGroups, groups};
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
    /// By the provider, or the host of the webhooks; `none` for those that nobody was asked to deliver.
    pub by_provider: BTreeMap<String, i64>,
    /// Whether there are more than were counted.
    pub is_capped: bool,
}

impl Figures {
    /// The figures as JSON. Leaves out whether they are capped.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({"total": self.total, "byReason": self.by_reason, "byChannel": self.by_channel, "byProvider": self.by_provider})
    }

    fn add(&mut self, reason: &str, channel: Option<&str>, provider: Option<&str>, count: i64) {
        self.total += count;
        for (by, name) in [
            (&mut self.by_reason, reason),
            (&mut self.by_channel, channel.unwrap_or(NONE)),
            (&mut self.by_provider, provider.unwrap_or(NONE)),
        ] {
            *by.entry(name.to_owned()).or_default() += count;
        }
    }
}

impl From<&DeadLetterGroups> for Figures {
    fn from(found: &DeadLetterGroups) -> Self {
        let mut figures = Self {
            is_capped: found.is_capped,
            ..Self::default()
        };
        for group in &found.groups {
            let (channel, provider) = (group.channel.as_deref(), group.provider.as_deref());
            figures.add(&group.reason, channel, provider, group.count);
        }
        figures
    }
}

/// Counts the dead letters that match, as far as [`groups`] does with this limit.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn capped_figures(
    client: &impl GenericClient,
    filter: &DeadLetterFilter,
    limit: u32,
) -> Result<Figures, DbError> {
    Ok(Figures::from(&groups(client, filter, limit).await?))
}

/// Counts all dead letters that match. Reads their indexes only, which takes a second for a million.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn figures(
    client: &impl GenericClient,
    filter: &DeadLetterFilter,
) -> Result<Figures, DbError> {
    let sql = format!(
        "SELECT coalesce(failure_reason, '{UNKNOWN}'), type, failed_provider, count(*) FROM {} WHERE {} GROUP BY 1, 2, 3
         UNION ALL
         SELECT reason, stage, NULL, count(*) FROM dead_letters WHERE {} GROUP BY 1, 2",
        filter.row_source().tables,
        filter.row_conditions(),
        filter.letter_conditions()
    );
    let statement = client.prepare_cached(&sql).await?;
    let ids = filter.ids_parameter();
    let rows = client.query(&statement, &filter.parameters(&ids)).await?;
    let mut figures = Figures::default();
    for row in rows {
        figures.add(row.get(0), row.get(1), row.get(2), row.get(3));
    }
    Ok(figures)
}
