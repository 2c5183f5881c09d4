use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::JobRow;
use super::row::COLUMNS;
use crate::GenericClient;
use crate::error::DbError;
use crate::notifications::IdCursor;
use crate::page::read_page;

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

/// Returns a page of jobs, the newest first and at most about 1 MB, because a filter may have 1000 ids, and the cursor of the next page if there is one.
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
    let query = async |after: Option<&IdCursor>, limit: i64| {
        let after = after.map(|cursor| cursor.0);
        let parameters: [&(dyn ToSql + Sync); 2] = [&after, &limit];
        Ok(client.query_raw(&statement, parameters).await?)
    };
    read_page(limit, after, query, |row: &JobRow| IdCursor(row.id)).await
}
