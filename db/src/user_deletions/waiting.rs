use std::time::Duration;

use tidings_domain::notification::UserId;

use super::row::{COLUMNS, DeletionRow};
use crate::GenericClient;
use crate::error::DbError;

/// Returns the deletion of a user that waits or runs.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn waiting(
    client: &impl GenericClient,
    user: UserId,
) -> Result<Option<DeletionRow>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM user_deletions WHERE user_id = $1 AND status IN ('waiting', 'erasing')"
    );
    let statement = client.prepare_cached(&sql).await?;
    let row = client.query_opt(&statement, &[&user.as_uuid()]).await?;
    Ok(row.as_ref().map(DeletionRow::from))
}

/// Returns the deletion of a user that is not cancelled.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn of_user(
    client: &impl GenericClient,
    user: UserId,
) -> Result<Option<DeletionRow>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM user_deletions WHERE id = (SELECT deletion_id FROM users WHERE users.id = $1)"
    );
    let statement = client.prepare_cached(&sql).await?;
    let row = client.query_opt(&statement, &[&user.as_uuid()]).await?;
    Ok(row.as_ref().map(DeletionRow::from))
}

/// Returns the deletions that run, the oldest first. After a crash, any process continues them.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn erasing(client: &impl GenericClient) -> Result<Vec<DeletionRow>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM user_deletions WHERE status = 'erasing' ORDER BY id LIMIT 100"
    );
    let statement = client.prepare_cached(&sql).await?;
    let rows = client.query(&statement, &[]).await?;
    Ok(rows.iter().map(DeletionRow::from).collect())
}

/// The deletions that are due and wait because of the limit a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// How many.
    pub due: u64,
    /// How late the oldest is.
    pub oldest: Option<Duration>,
}

/// Returns how many deletions are due.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn backlog(client: &impl GenericClient) -> Result<Backlog, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT count(*), extract(epoch FROM now() - min(due_at))::float8
             FROM user_deletions WHERE status = 'waiting' AND due_at <= now()",
        )
        .await?;
    let row = client.query_one(&statement, &[]).await?;
    let secs: Option<f64> = row.get(1);
    Ok(Backlog {
        due: u64::try_from(row.get::<_, i64>(0)).unwrap_or(0),
        oldest: secs.and_then(|secs| Duration::try_from_secs_f64(secs).ok()),
    })
}
