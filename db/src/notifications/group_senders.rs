use tidings_domain::notification::GroupKey;

use crate::GenericClient;
use crate::error::DbError;

/// Returns the senders that have notifications in a group of this name that are not sent and have not ended, at most `limit`.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn senders_of_group(
    client: &impl GenericClient,
    group: &GroupKey,
    limit: u32,
) -> Result<Vec<String>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT DISTINCT sender FROM notifications
             WHERE group_key = $1 AND sender IS NOT NULL AND status IN ('scheduled', 'pending', 'retrying')
             ORDER BY sender LIMIT $2",
        )
        .await?;
    let rows = client
        .query(&statement, &[&group.as_str(), &i64::from(limit)])
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
