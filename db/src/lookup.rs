//! What has an id that somebody has copied from a log, a ticket or an answer.

use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;
use crate::notifications::{
    ListedNotification, NotificationFilter, SearchPage, search_without_contents,
};

/// What can be looked up by an exact id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdKind {
    /// A recorded notification, by its message id.
    Notification,
    /// A dead letter without a row, by its own id or by the message id.
    DeadLetter,
    /// A user.
    User,
    /// A webhook endpoint.
    Endpoint,
    /// A job that replays or discards dead letters.
    Job,
    /// A template, by its name.
    Template,
}

impl IdKind {
    /// All kinds, in the order of the answers.
    pub const ALL: [Self; 6] = [
        Self::Notification,
        Self::DeadLetter,
        Self::User,
        Self::Endpoint,
        Self::Job,
        Self::Template,
    ];

    /// The name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Notification => "notification",
            Self::DeadLetter => "deadLetter",
            Self::User => "user",
            Self::Endpoint => "endpoint",
            Self::Job => "job",
            Self::Template => "template",
        }
    }

    /// Selects the ids of what has the id `$1`.
    const fn by_id(self) -> Option<&'static str> {
        match self {
            Self::Notification => {
                Some("SELECT message_id::text FROM notifications WHERE message_id = $1")
            }
            Self::DeadLetter => {
                Some("SELECT id::text FROM dead_letters WHERE id = $1 AND removed_at IS NULL")
            }
            Self::User => Some("SELECT id::text FROM users WHERE id = $1"),
            Self::Endpoint => Some("SELECT id::text FROM webhook_endpoints WHERE id = $1"),
            Self::Job => Some("SELECT id::text FROM replay_jobs WHERE id = $1"),
            Self::Template => None,
        }
    }

    /// Selects the ids of what the text `$1` names. The message id of a letter need not be a UUID.
    const fn by_text(self) -> Option<&'static str> {
        match self {
            Self::DeadLetter => Some(
                "SELECT id::text FROM dead_letters WHERE message_id = $1 AND removed_at IS NULL LIMIT 10",
            ),
            Self::Template => Some("SELECT name FROM templates WHERE name = $1 LIMIT 1"),
            Self::Notification | Self::User | Self::Endpoint | Self::Job => None,
        }
    }
}

/// What has an id.
#[derive(Debug)]
pub struct LookupResult {
    /// What has it, by an index.
    pub found: Vec<(IdKind, String)>,
    /// The notifications to which a provider has given it, if nothing else has it: the last ones, as far as a page searches.
    pub referred: Option<SearchPage<ListedNotification>>,
}

/// How many notifications with one reference are returned.
const REFERENCES: u32 = 10;

/// Looks for an id or a name among these kinds, and then among the references of providers, which have no index.
///
/// # Errors
///
/// Returns the error of a query.
pub async fn look_up(
    client: &impl GenericClient,
    kinds: &[IdKind],
    text: &str,
) -> Result<LookupResult, DbError> {
    let found = find(client, kinds, text).await?;
    if !found.is_empty() {
        return Ok(LookupResult {
            found,
            referred: None,
        });
    }
    let filter = NotificationFilter {
        reference: Some(text.to_owned()),
        ..NotificationFilter::default()
    };
    let page = search_without_contents(client, &filter, None, REFERENCES).await?;
    Ok(LookupResult {
        found,
        referred: Some(page),
    })
}

async fn find(
    client: &impl GenericClient,
    kinds: &[IdKind],
    text: &str,
) -> Result<Vec<(IdKind, String)>, DbError> {
    let id = Uuid::try_parse(text).ok();
    // In the form that clients send.
    let text = id.map_or_else(|| text.to_owned(), |id| id.to_string());
    let mut found = Vec::new();
    for &kind in kinds {
        if let (Some(sql), Some(id)) = (kind.by_id(), id) {
            let statement = client.prepare_cached(sql).await?;
            let rows = client.query(&statement, &[&id]).await?;
            found.extend(rows.iter().map(|row| (kind, row.get(0))));
        }
        if let Some(sql) = kind.by_text() {
            let statement = client.prepare_cached(sql).await?;
            let rows = client.query(&statement, &[&text]).await?;
            found.extend(rows.iter().map(|row| (kind, row.get(0))));
        }
    }
    Ok(found)
}
