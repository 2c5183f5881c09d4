use std::collections::HashMap;

use jiff::Timestamp;
use tidings_domain::notification::UserId;
use tidings_domain::preference::{
    AddressHash, CategorySelector, ChannelSelector, Choices, Place, PreferenceSource, Recipient,
    Subject,
};
use tokio_postgres::Row;
use uuid::Uuid;

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

/// Returns what recipients have chosen, as [`list`] does for one. Who has chosen nothing is left out.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn list_all(
    client: &impl GenericClient,
    recipients: &[Recipient],
) -> Result<HashMap<Recipient, Vec<PreferenceRow>>, DbError> {
    let mut users: Vec<Uuid> = Vec::new();
    let mut addresses: Vec<Vec<u8>> = Vec::new();
    for recipient in recipients {
        match recipient {
            Recipient::User(user) => users.push(user.as_uuid()),
            Recipient::Address(hash) => addresses.push(hash.as_bytes().to_vec()),
        }
    }
    let mut chosen: HashMap<Recipient, Vec<PreferenceRow>> = HashMap::new();
    let mut add = |recipient: Option<Recipient>, row: &Row| {
        if let (Some(recipient), Some(choice)) = (recipient, PreferenceRow::of(row)) {
            chosen.entry(recipient).or_default().push(choice);
        }
    };
    let sql = |table: &str, column: &str| {
        format!(
            "SELECT category, channel, enabled, source, updated_at, {column} FROM {table} WHERE {column} = ANY ($1)
             ORDER BY category COLLATE \"C\", channel COLLATE \"C\""
        )
    };
    if !users.is_empty() {
        let statement = client
            .prepare_cached(&sql("preferences", "user_id"))
            .await?;
        for row in &client.query(&statement, &[&users]).await? {
            let user = UserId::from(row.get::<_, Uuid>(5));
            add(Some(Recipient::User(user)), row);
        }
    }
    if !addresses.is_empty() {
        let statement = client
            .prepare_cached(&sql("address_preferences", "address_hash"))
            .await?;
        for row in &client.query(&statement, &[&addresses]).await? {
            let hash: Result<[u8; AddressHash::LENGTH], _> = row.get::<_, &[u8]>(5).try_into();
            add(hash.ok().map(|hash| Recipient::Address(hash.into())), row);
        }
    }
    Ok(chosen)
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
