//! What was sent to the outside, by the time at which it was.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use tidings_domain::notification::{MessageId, UserId};
use tokio_postgres::{Row, RowStream};
use uuid::Uuid;

use super::filter::{Conditions, NotificationFilter};
use super::read::{COLUMNS, NotificationRow};
use crate::GenericClient;
use crate::error::DbError;
use crate::page::{InvalidCursor, read_page};

/// The position after a notification, in the order of sending. Clients must treat its text form as opaque.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentCursor {
    processed_at: Timestamp,
    id: Uuid,
}

impl fmt::Display for SentCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.processed_at.as_microsecond();
        write!(f, "{micros}~{}", self.id.simple())
    }
}

impl FromStr for SentCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (micros, id) = text.split_once('~').ok_or(InvalidCursor)?;
        let micros = micros.parse().map_err(|_| InvalidCursor)?;
        Ok(Self {
            processed_at: Timestamp::from_microsecond(micros).map_err(|_| InvalidCursor)?,
            id: Uuid::try_parse(id).map_err(|_| InvalidCursor)?,
        })
    }
}

/// A notification that was sent, without its content.
#[derive(Clone, Debug, PartialEq)]
pub struct SentNotification {
    /// The message id.
    pub message_id: MessageId,
    /// The target user; `None` if only the payload named the recipient.
    pub user_id: Option<UserId>,
    /// The channel's name.
    pub r#type: String,
    /// The category, if any.
    pub category: Option<String>,
    /// Who posted it, if known.
    pub sender: Option<String>,
    /// The template's name, if one rendered it.
    pub template: Option<String>,
    /// The number of failed delivery attempts before.
    pub retries_attempted: i32,
    /// When the API accepted it.
    pub created_at: Timestamp,
    /// When it was sent.
    pub processed_at: Timestamp,
    /// The position after it.
    pub cursor: SentCursor,
}

impl From<&Row> for SentNotification {
    /// Converts a row of `SENT_COLUMNS`.
    fn from(row: &Row) -> Self {
        let processed_at = row.get(8);
        Self {
            message_id: row.get::<_, Uuid>(1).into(),
            user_id: row.get::<_, Option<Uuid>>(2).map(UserId::from),
            r#type: row.get(3),
            category: row.get(4),
            sender: row.get(5),
            template: row.get(6),
            retries_attempted: row.get(9),
            created_at: row.get(7),
            processed_at,
            cursor: SentCursor {
                processed_at,
                id: row.get(0),
            },
        }
    }
}

const SENT_COLUMNS: &str = "id, message_id, user_id, type, category, sender, template_name, created_at, processed_at, \
                            retries_attempted";

/// Returns a page of the notifications that were sent to the outside, the last one first, and the cursor of the next page if
/// there is one. In-app notifications are not sent. Ignores the status of `filter`.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list_sent(
    client: &impl GenericClient,
    filter: &NotificationFilter,
    after: Option<SentCursor>,
    limit: u32,
) -> Result<(Vec<NotificationRow>, Option<SentCursor>), DbError> {
    let query = async |after: Option<&SentCursor>, rows: i64| {
        rows_after(client, COLUMNS, filter, after, rows).await
    };
    read_page(limit, after, query, |row: &NotificationRow| SentCursor {
        processed_at: row.processed_at.unwrap_or_default(),
        id: row.id,
    })
    .await
}

/// Like [`list_sent`], without the contents.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list_sent_without_contents(
    client: &impl GenericClient,
    filter: &NotificationFilter,
    after: Option<SentCursor>,
    limit: u32,
) -> Result<(Vec<SentNotification>, Option<SentCursor>), DbError> {
    let query = async |after: Option<&SentCursor>, rows: i64| {
        rows_after(client, SENT_COLUMNS, filter, after, rows).await
    };
    read_page(limit, after, query, |row: &SentNotification| row.cursor).await
}

/// The condition of the index `notifications_sent_idx`.
const SENT: &str = "type <> 'in-app' AND status = 'processed'";

async fn rows_after(
    client: &impl GenericClient,
    columns: &str,
    filter: &NotificationFilter,
    after: Option<&SentCursor>,
    rows: i64,
) -> Result<RowStream, DbError> {
    let mut conditions = conditions_after(filter, after);
    let limit = conditions.parameter(rows);
    let sql = format!(
        "SELECT {columns} FROM notifications WHERE {} ORDER BY processed_at DESC, id DESC LIMIT {limit}",
        conditions.sql()
    );
    let statement = client.prepare_cached(&sql).await?;
    Ok(client
        .query_raw(&statement, conditions.parameters())
        .await?)
}

fn conditions_after(filter: &NotificationFilter, after: Option<&SentCursor>) -> Conditions {
    let filter = NotificationFilter {
        status: None,
        ..filter.clone()
    };
    let mut conditions = Conditions::new(SENT, &filter);
    if let Some(after) = after {
        let time = conditions.parameter(after.processed_at);
        let id = conditions.parameter(after.id);
        conditions.add(format!("(processed_at, id) < ({time}, {id})"));
    }
    conditions
}

/// Returns the position after the first `count` notifications of [`list_sent`]; `None` if there are not so many.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn sent_cursor_after(
    client: &impl GenericClient,
    filter: &NotificationFilter,
    count: u32,
) -> Result<Option<SentCursor>, DbError> {
    let mut conditions = conditions_after(filter, None);
    let skipped = conditions.parameter(i64::from(count) - 1);
    let sql = format!(
        "SELECT processed_at, id FROM notifications WHERE {}
         ORDER BY processed_at DESC, id DESC OFFSET {skipped} LIMIT 1",
        conditions.sql()
    );
    let statement = client.prepare_cached(&sql).await?;
    let row = client
        .query_opt(&statement, &conditions.parameters())
        .await?;
    Ok(row.map(|row| SentCursor {
        processed_at: row.get(0),
        id: row.get(1),
    }))
}

/// The number to which a text message without a number of its own was sent: that of the attempt that delivered it. `None`
/// if the contact is deleted.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn numbers_sent_to(
    client: &impl GenericClient,
    ids: &[MessageId],
) -> Result<Vec<Option<String>>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT (SELECT number FROM delivery_attempts AS attempt
                            JOIN phone_numbers ON phone_numbers.id = attempt.contact_id
                     WHERE attempt.message_id = wanted.id AND outcome = 'delivered'
                     ORDER BY attempt.id LIMIT 1)
             FROM unnest($1::uuid[]) WITH ORDINALITY AS wanted (id, place) ORDER BY place",
        )
        .await?;
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let rows = client.query(&statement, &[&ids]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text_form() {
        let cursor = SentCursor {
            processed_at: "2026-11-27T22:00:00.123456Z".parse().expect("a time"),
            id: Uuid::now_v7(),
        };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for text in [
            "",
            "~",
            "1",
            "1~x",
            "x~9fc81fddfc9c49e39df1a36df7e1ec5a",
            "99999999999999999999~9fc81fddfc9c49e39df1a36df7e1ec5a",
        ] {
            assert_eq!(text.parse::<SentCursor>(), Err(InvalidCursor), "{text:?}");
        }
    }
}
