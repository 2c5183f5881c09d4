use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use tidings_domain::content::TemplateRef;
use tidings_domain::notification::{Channel, MessageId, Status, UserId};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;

/// A recorded notification. Status and type are as they stand in the table, whose CHECKs know the
/// values.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Orders rows by time.
    pub id: Uuid,
    /// Names the notification everywhere.
    pub message_id: MessageId,
    /// Whom it is for.
    pub user_id: UserId,
    /// The channel.
    pub r#type: String,
    /// A JSON object, as text.
    pub payload: String,
    /// What says what it says, where its payload is only the variables.
    pub template: Option<TemplateRef>,
    /// Where it stands.
    pub status: String,
    /// Delivery attempts that failed.
    pub retries_attempted: i32,
    /// When the API accepted it.
    pub created_at: Timestamp,
    /// When it was delivered.
    pub processed_at: Option<Timestamp>,
    /// Why the last attempt failed.
    pub error_message: Option<String>,
}

const COLUMNS: &str = "id, message_id, user_id, type, payload::text, status, retries_attempted, \
                       created_at, processed_at, error_message, template_name, template_locale";

impl From<&tokio_postgres::Row> for Row {
    /// Of a row of `COLUMNS`.
    fn from(row: &tokio_postgres::Row) -> Self {
        Self {
            id: row.get(0),
            message_id: row.get::<_, Uuid>(1).into(),
            user_id: row.get::<_, Uuid>(2).into(),
            r#type: row.get(3),
            payload: row.get(4),
            template: row.get::<_, Option<String>>(10).map(|name| TemplateRef {
                name,
                locale: row.get(11),
            }),
            status: row.get(5),
            retries_attempted: row.get(6),
            created_at: row.get(7),
            processed_at: row.get(8),
            error_message: row.get(9),
        }
    }
}

/// The notification `id`; `None` while it is not recorded.
///
/// # Errors
///
/// Those of the query.
pub async fn find(client: &impl GenericClient, id: MessageId) -> Result<Option<Row>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM notifications WHERE message_id = $1");
    let statement = client.prepare_cached(&sql).await?;
    let row = client.query_opt(&statement, &[&id.as_uuid()]).await?;
    Ok(row.as_ref().map(Row::from))
}

/// Which notifications a page shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    /// Only this user's.
    pub user_id: Option<UserId>,
    /// Only these.
    pub status: Option<Status>,
    /// Only this channel's.
    pub channel: Option<Channel>,
}

/// The place behind a page's last row. Its text form says nothing to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor(pub(crate) Uuid);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.simple(), f)
    }
}

/// A text that is no cursor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be the nextCursor of an earlier page, unchanged")]
pub struct InvalidCursor;

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self).map_err(|_| InvalidCursor)
    }
}

/// A page of notifications, newest first, and the place where the next page starts, where there is
/// one.
///
/// # Errors
///
/// Those of the query.
pub async fn list(
    client: &impl GenericClient,
    filter: Filter,
    after: Option<Cursor>,
    limit: u32,
) -> Result<(Vec<Row>, Option<Cursor>), DbError> {
    let mut conditions = Vec::new();
    let mut parameters: Vec<Box<dyn ToSql + Sync + Send>> = Vec::new();
    if let Some(user) = filter.user_id {
        parameters.push(Box::new(user.as_uuid()));
        conditions.push(format!("user_id = ${}", parameters.len()));
    }
    // Literals, not parameters: only with a literal does the planner see that a partial index
    // holds every row that is asked for. Both texts come from our own enums.
    if let Some(status) = filter.status {
        conditions.push(format!("status = '{status}'"));
    }
    if let Some(channel) = filter.channel {
        conditions.push(format!("type = '{channel}'"));
    }
    if let Some(Cursor(id)) = after {
        parameters.push(Box::new(id));
        conditions.push(format!("id < ${}", parameters.len()));
    }
    let conditions = if conditions.is_empty() {
        "true".to_owned()
    } else {
        conditions.join(" AND ")
    };
    // One more than asked for tells whether another page follows. A parameter, not a literal, so that
    // there are only so many statements to prepare.
    parameters.push(Box::new(i64::from(limit) + 1));
    let sql = format!(
        "SELECT {COLUMNS} FROM notifications WHERE {conditions} ORDER BY id DESC LIMIT ${}",
        parameters.len()
    );
    let statement = client.prepare_cached(&sql).await?;
    let parameters: Vec<&(dyn ToSql + Sync)> = parameters
        .iter()
        .map(|p| &**p as &(dyn ToSql + Sync))
        .collect();
    let found = client.query(&statement, &parameters).await?;
    let mut rows: Vec<Row> = found.iter().map(Row::from).collect();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| Cursor(row.id));
    Ok((rows, next))
}
