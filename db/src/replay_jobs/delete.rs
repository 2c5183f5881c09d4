use crate::GenericClient;
use crate::error::DbError;

/// Deletes jobs that ended 90 days ago or longer, at most 1000. Their entries in the audit log stay. Returns how many.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn delete_old(client: &impl GenericClient) -> Result<u64, DbError> {
    let statement = client
        .prepare_cached(
            "DELETE FROM replay_jobs
             WHERE id IN (SELECT id FROM replay_jobs
                          WHERE phase = 'ended' AND finished_at <= now() - interval '90 days' LIMIT 1000)",
        )
        .await?;
    Ok(client.execute(&statement, &[]).await?)
}
