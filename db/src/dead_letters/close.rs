//! Letters without a row that need no replay any more.

use jiff::Timestamp;
use tidings_domain::notification::{Fingerprint, MessageId};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;

/// Marks letters as removed: their messages are published again, or purged (`purged`), without a job. Call this after the broker has
/// confirmed the messages and before the copies leave the queue. Returns how many were listed.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn close_letters(
    client: &impl GenericClient,
    ids: &[Uuid],
    purged: bool,
) -> Result<u64, DbError> {
    let statement = client
        .prepare_cached(
            "WITH letter AS (SELECT id FROM dead_letters WHERE id = ANY($1) AND removed_at IS NULL ORDER BY id FOR UPDATE)
             UPDATE dead_letters SET removed_at = clock_timestamp(), purged = $2, body = NULL
             FROM letter WHERE dead_letters.id = letter.id",
        )
        .await?;
    Ok(client.execute(&statement, &[&ids, &purged]).await?)
}

/// A letter that is listed, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenLetter {
    /// Its id.
    pub id: Uuid,
    /// The message id in its properties.
    pub message_id: Option<String>,
    /// The name of its stage.
    pub stage: Option<String>,
    /// The code of its failure.
    pub reason: String,
    /// The header with its idempotency key.
    pub idempotency_key: Option<String>,
    /// When it failed.
    pub failed_at: Timestamp,
}

impl From<&Row> for OpenLetter {
    fn from(row: &Row) -> Self {
        Self {
            id: row.get(0),
            message_id: row.get(1),
            stage: row.get(2),
            reason: row.get(3),
            idempotency_key: row.get(4),
            failed_at: row.get(5),
        }
    }
}

/// Returns letters that are listed, the oldest first. `key_header` is the name of the header with the idempotency key.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn open_letters(
    client: &impl GenericClient,
    after: Option<&OpenLetter>,
    key_header: &str,
    limit: u32,
) -> Result<Vec<OpenLetter>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT id, message_id, stage, reason, headers ->> $1::text, failed_at FROM dead_letters
             WHERE removed_at IS NULL AND (failed_at, id) > (coalesce($2::timestamptz, '-infinity'), $3)
             ORDER BY failed_at, id LIMIT $4",
        )
        .await?;
    let (time, id) = after.map(|one| (one.failed_at, one.id)).unzip();
    let (id, limit) = (id.unwrap_or_default(), i64::from(limit));
    let rows = client
        .query(&statement, &[&key_header, &time, &id, &limit])
        .await?;
    Ok(rows.iter().map(OpenLetter::from).collect())
}

/// A letter whose notification is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedLetter {
    /// The letter.
    pub id: Uuid,
    /// The body; `None` if it is not stored.
    pub body: Option<Vec<u8>>,
    /// The fingerprint of the notification.
    pub fingerprint: Option<Fingerprint>,
    /// Whether the notification waits for a message that delivers it.
    pub is_waiting: bool,
}

/// Returns those of the letters whose notifications have rows.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn recorded_letters(
    client: &impl GenericClient,
    letters: &[(Uuid, MessageId)],
) -> Result<Vec<RecordedLetter>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT dead_letters.id, body, fingerprint, status IN ('pending', 'retrying')
             FROM unnest($1::uuid[], $2::uuid[]) AS letter (id, message_id)
                  JOIN notifications USING (message_id)
                  JOIN dead_letters ON dead_letters.id = letter.id",
        )
        .await?;
    let (ids, rows): (Vec<Uuid>, Vec<Uuid>) = letters
        .iter()
        .map(|(letter, row)| (*letter, row.as_uuid()))
        .unzip();
    let rows = client.query(&statement, &[&ids, &rows]).await?;
    Ok(rows
        .iter()
        .map(|row| RecordedLetter {
            id: row.get(0),
            body: row.get(1),
            fingerprint: row
                .get::<_, Option<&[u8]>>(2)
                .and_then(Fingerprint::from_bytes),
            is_waiting: row.get(3),
        })
        .collect())
}
