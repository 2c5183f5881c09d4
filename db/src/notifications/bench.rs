//! Queries of the benchmarks.

use jiff::Timestamp;
use tidings_domain::notification::{MessageId, UserId};
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;

/// Counts the notifications of these users.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn count_of_users(client: &impl GenericClient, users: &[UserId]) -> Result<u64, DbError> {
    let statement = client
        .prepare_cached("SELECT count(*) FROM notifications WHERE user_id = ANY($1)")
        .await?;
    let users: Vec<Uuid> = users.iter().map(|user| user.as_uuid()).collect();
    let row = client.query_one(&statement, &[&users]).await?;
    Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or(0))
}

/// Counts the notifications that are scheduled.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn count_scheduled(client: &impl GenericClient) -> Result<u64, DbError> {
    let statement = client
        .prepare_cached("SELECT count(*) FROM notifications WHERE status = 'scheduled'")
        .await?;
    let row = client.query_one(&statement, &[]).await?;
    Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or(0))
}

/// The part of a notification that a benchmark reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BenchRow {
    /// The message id.
    pub message_id: MessageId,
    /// When the notification was delivered.
    pub processed_at: Option<Timestamp>,
    /// The payload's member `number`, as text.
    pub number: Option<String>,
}

/// Lists all notifications of a user, in no particular order.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn rows_of_user(
    client: &impl GenericClient,
    user: UserId,
) -> Result<Vec<BenchRow>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT message_id, processed_at, payload ->> 'number' FROM notifications WHERE user_id = $1",
        )
        .await?;
    let rows = client.query(&statement, &[&user.as_uuid()]).await?;
    let measured = rows.iter().map(|row| BenchRow {
        message_id: row.get::<_, Uuid>(0).into(),
        processed_at: row.get(1),
        number: row.get(2),
    });
    Ok(measured.collect())
}
