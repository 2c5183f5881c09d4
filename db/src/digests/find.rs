use std::time::Duration;

use jiff::Timestamp;
use tidings_domain::notification::{DigestId, MessageId, UserId};
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;

/// A digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestRow {
    /// The id.
    pub id: DigestId,
    /// The user.
    pub user: UserId,
    /// The channel's name.
    pub channel: String,
    /// The category.
    pub category: String,
    /// The key; empty if the items have none.
    pub key: String,
    /// When the first item was added.
    pub opened_at: Timestamp,
    /// When a scheduler closes it.
    pub closes_at: Timestamp,
    /// `open`, `sent` or `empty`.
    pub status: String,
    /// How many items were added.
    pub items: i32,
    /// The notification that is sent, if it is closed.
    pub message_id: Option<MessageId>,
}

/// Returns the digests of a user, the oldest first: at most `limit`.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn of_user(
    client: &impl GenericClient,
    user: UserId,
    limit: u32,
) -> Result<Vec<DigestRow>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT id, user_id, channel, category, key, opened_at, closes_at, status, items, message_id
             FROM digests WHERE user_id = $1 ORDER BY id LIMIT $2",
        )
        .await?;
    let rows = client
        .query(&statement, &[&user.as_uuid(), &i64::from(limit)])
        .await?;
    let digest = |row: &tokio_postgres::Row| DigestRow {
        id: row.get::<_, Uuid>(0).into(),
        user: row.get::<_, Uuid>(1).into(),
        channel: row.get(2),
        category: row.get(3),
        key: row.get(4),
        opened_at: row.get(5),
        closes_at: row.get(6),
        status: row.get(7),
        items: row.get(8),
        message_id: row.get::<_, Option<Uuid>>(9).map(MessageId::from),
    };
    Ok(rows.iter().map(digest).collect())
}

/// How late the oldest open digest is, in seconds; `None` if none is due.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn overdue(client: &impl GenericClient) -> Result<Option<Duration>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT extract(epoch FROM now() - min(closes_at))::float8
             FROM digests WHERE status = 'open' AND closes_at <= now()",
        )
        .await?;
    let late: Option<f64> = client.query_one(&statement, &[]).await?.get(0);
    Ok(late.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default()))
}
