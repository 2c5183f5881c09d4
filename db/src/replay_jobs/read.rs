use uuid::Uuid;

use super::JobRow;
use super::row::COLUMNS;
use crate::GenericClient;
use crate::error::DbError;
use crate::notifications::IdCursor;

/// Finds a job.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn find(client: &impl GenericClient, id: Uuid) -> Result<Option<JobRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM replay_jobs WHERE id = $1");
    let statement = client.prepare_cached(&sql).await?;
    let row = client.query_opt(&statement, &[&id]).await?;
    Ok(row.as_ref().map(JobRow::from))
}

/// Returns a page of jobs, the newest first, and the cursor of the next page if there is one.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list(
    client: &impl GenericClient,
    after: Option<IdCursor>,
    limit: u32,
) -> Result<(Vec<JobRow>, Option<IdCursor>), DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM replay_jobs WHERE $1::uuid IS NULL OR id < $1 ORDER BY id DESC LIMIT $2"
    );
    let statement = client.prepare_cached(&sql).await?;
    let (after, asked) = (after.map(|cursor| cursor.0), i64::from(limit) + 1);
    let rows = client.query(&statement, &[&after, &asked]).await?;
    let mut rows: Vec<JobRow> = rows.iter().map(JobRow::from).collect();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_full = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| is_full).map(|row| IdCursor(row.id));
    Ok((rows, next))
}
