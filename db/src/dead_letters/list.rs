use jiff::Timestamp;
use tidings_domain::notification::UserId;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::DeadLetterCursor;
use super::filter::{DeadLetterFilter, FAILED_AT, UNKNOWN};
use crate::GenericClient;
use crate::error::DbError;

/// Where PostgreSQL knows a dead letter from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadLetterKind {
    /// A failed notification.
    Notification,
    /// A message without a row.
    Message,
}

/// A dead letter of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterRow {
    /// The message id of a notification, or the id of a letter without a row.
    pub id: Uuid,
    /// Which of both.
    pub kind: DeadLetterKind,
    /// The message id; that of a letter without a row need not be a UUID.
    pub message_id: Option<String>,
    /// The channel of the notification, or the stage of a message; `None` if it names no known stage.
    pub channel: Option<String>,
    /// The code of the failure.
    pub reason: String,
    /// The failure for people.
    pub error: Option<String>,
    /// When it failed.
    pub failed_at: Timestamp,
    /// How often it was tried.
    pub attempts: Option<i64>,
    /// The user.
    pub user_id: Option<UserId>,
    /// Whether its payload or its body is still there, so that it can be replayed.
    pub has_content: bool,
    /// Who was asked last: the provider, or the host of a webhook.
    pub provider: Option<String>,
}

impl From<&Row> for DeadLetterRow {
    fn from(row: &Row) -> Self {
        Self {
            id: row.get(0),
            kind: if row.get(1) {
                DeadLetterKind::Notification
            } else {
                DeadLetterKind::Message
            },
            message_id: row.get(2),
            channel: row.get(3),
            reason: row.get(4),
            error: row.get(5),
            failed_at: row.get(6),
            attempts: row.get(7),
            user_id: row.get::<_, Option<Uuid>>(8).map(UserId::from),
            has_content: row.get(9),
            provider: row.get(10),
        }
    }
}

impl DeadLetterRow {
    fn cursor(&self) -> DeadLetterCursor {
        DeadLetterCursor {
            failed_at: self.failed_at,
            id: self.id,
        }
    }
}

/// Returns a page of dead letters, those that failed last first, and the cursor of the next page if there is one.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list(
    client: &impl GenericClient,
    filter: &DeadLetterFilter,
    after: Option<DeadLetterCursor>,
    limit: u32,
) -> Result<(Vec<DeadLetterRow>, Option<DeadLetterCursor>), DbError> {
    let source = filter.row_source();
    let (tables, at, id) = (source.tables, source.at, source.id);
    let (before, after_values) = if after.is_some() {
        (
            format!("({at}, {id}) < ($8, $9)"),
            "(failed_at, id) < ($8, $9)",
        )
    } else {
        let none = "$8::timestamptz IS NULL AND $9::uuid IS NULL";
        (none.to_owned(), none)
    };
    let sql = format!(
        "SELECT * FROM (
             (SELECT message_id AS id, true, message_id::text, type, coalesce(failure_reason, '{UNKNOWN}'), error_message,
                     {FAILED_AT} AS failed_at, retries_attempted::bigint, user_id, payload_removed_at IS NULL, failed_provider
              -- The page is found in an index, before its rows are read.
              FROM (SELECT {id} AS message_id FROM {tables} WHERE {} AND {before}
                    ORDER BY {at} DESC, {id} DESC LIMIT $10) AS found
                   JOIN notifications USING (message_id))
             UNION ALL
             (SELECT id, false, message_id, stage, reason, detail, failed_at, attempts, user_id, body IS NOT NULL, NULL
              FROM dead_letters WHERE {} AND {after_values}
              ORDER BY failed_at DESC, id DESC LIMIT $10)
         ) AS letters ORDER BY failed_at DESC, id DESC LIMIT $10",
        filter.row_conditions(),
        filter.letter_conditions()
    );
    let statement = client.prepare_cached(&sql).await?;
    let (time, id) = after.map(|cursor| (cursor.failed_at, cursor.id)).unzip();
    // The last row shows that another page follows.
    let asked = i64::from(limit) + 1;
    let ids = filter.ids_parameter();
    let mut parameters = filter.parameters(&ids);
    let more: [&(dyn ToSql + Sync); 3] = [&time, &id, &asked];
    parameters.extend(more);
    let rows = client.query(&statement, &parameters).await?;
    let mut rows: Vec<DeadLetterRow> = rows.iter().map(DeadLetterRow::from).collect();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_full = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| is_full).map(DeadLetterRow::cursor);
    Ok((rows, next))
}

/// Finds a dead letter by the id of the list.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn find(client: &impl GenericClient, id: Uuid) -> Result<Option<DeadLetterRow>, DbError> {
    let filter = DeadLetterFilter {
        ids: vec![id],
        ..DeadLetterFilter::default()
    };
    let (rows, _) = list(client, &filter, None, 10).await?;
    Ok(rows.into_iter().find(|row| row.id == id))
}
