use jiff::Timestamp;
use tidings_domain::notification::UserId;
use tidings_domain::preference::{CategorySelector, ChannelSelector, PreferenceSource};
use tokio_postgres::Row;

use crate::GenericClient;
use crate::error::DbError;

/// A choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreferenceRow {
    /// The notifications that it is about.
    pub category: CategorySelector,
    /// The channels that it is about.
    pub channel: ChannelSelector,
    /// Whether they are wanted.
    pub enabled: bool,
    /// Where it comes from.
    pub source: PreferenceSource,
    /// When it was made.
    pub updated_at: Timestamp,
}

impl PreferenceRow {
    /// Converts a row; `None` if a newer version, or SQL, has chosen about something that this version does not know.
    fn of(row: &Row) -> Option<Self> {
        Some(Self {
            category: row.get::<_, &str>(0).parse().ok()?,
            channel: row.get::<_, &str>(1).parse().ok()?,
            enabled: row.get(2),
            source: row.get::<_, &str>(3).parse().ok()?,
            updated_at: row.get(4),
        })
    }
}

/// Returns what a user has chosen, by category and channel.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list(
    client: &impl GenericClient,
    user: UserId,
) -> Result<Vec<PreferenceRow>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT category, channel, enabled, source, updated_at FROM preferences
             WHERE user_id = $1 ORDER BY category COLLATE \"C\", channel COLLATE \"C\"",
        )
        .await?;
    let rows = client.query(&statement, &[&user.as_uuid()]).await?;
    Ok(rows.iter().filter_map(PreferenceRow::of).collect())
}
