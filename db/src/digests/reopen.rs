use crate::GenericClient;
use crate::error::DbError;

/// Makes up to `limit` items due whose digest is not open, so that they are decided again: a safety net, because closing a
/// digest leaves none behind. Leaves out rows that another transaction has locked. Returns their number.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn reopen_items(client: &impl GenericClient, limit: u32) -> Result<u64, DbError> {
    // Items are the scheduled rows without `not_before`, which are together in the index `notifications_due_idx`.
    let statement = client
        .prepare_cached(
            "WITH lost AS (
                 SELECT message_id FROM notifications
                 WHERE status = 'scheduled' AND type IN ('email', 'sms', 'push', 'webhook') AND not_before IS NULL
                       AND reason = 'digest'
                       AND NOT EXISTS (SELECT FROM digests
                                       WHERE digests.id = notifications.digest_id AND digests.status = 'open')
                 ORDER BY message_id LIMIT $1
                 FOR NO KEY UPDATE SKIP LOCKED
             )
             UPDATE notifications SET digest_id = NULL, not_before = now(), release_until = NULL
             FROM lost WHERE notifications.message_id = lost.message_id",
        )
        .await?;
    Ok(client.execute(&statement, &[&i64::from(limit)]).await?)
}
