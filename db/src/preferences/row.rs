use jiff::Timestamp;
use tidings_domain::preference::{
    CategorySelector, ChannelSelector, Choices, Place, PreferenceSource, Recipient, Subject,
};
use tokio_postgres::Row;

use crate::GenericClient;
use crate::choices::ChoicesOf;
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

/// Returns what a recipient has chosen, by category and channel.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list(
    client: &impl GenericClient,
    recipient: Recipient,
) -> Result<Vec<PreferenceRow>, DbError> {
    let recipient = ChoicesOf::from(recipient);
    let sql = format!(
        "SELECT category, channel, enabled, source, updated_at FROM {} WHERE {} = $1
         ORDER BY category COLLATE \"C\", channel COLLATE \"C\"",
        recipient.table(),
        recipient.column()
    );
    let statement = client.prepare_cached(&sql).await?;
    let rows = client.query(&statement, &[recipient.key()]).await?;
    Ok(rows.iter().filter_map(PreferenceRow::of).collect())
}

/// The choices about `subject` among those of a recipient.
#[must_use]
pub fn choices_about(rows: &[PreferenceRow], subject: Subject<'_>) -> Choices {
    subject.choices(|category, channel| Some(select(rows, category, channel)?.enabled))
}

/// The choice about `subject` at `place`, if there is one.
#[must_use]
pub fn choice_at<'r>(
    rows: &'r [PreferenceRow],
    subject: Subject<'_>,
    place: Place,
) -> Option<&'r PreferenceRow> {
    let selectors = subject.selectors(place);
    let mut selectors = selectors.iter();
    selectors.find_map(|(category, channel)| select(rows, category, *channel))
}

fn select<'r>(
    rows: &'r [PreferenceRow],
    category: &CategorySelector,
    channel: ChannelSelector,
) -> Option<&'r PreferenceRow> {
    let mut rows = rows.iter();
    rows.find(|row| row.category == *category && row.channel == channel)
}
