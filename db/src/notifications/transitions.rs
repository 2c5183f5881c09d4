//! The allowed transitions of a row's status. Each function returns whether the transition happened,
//! because another program may have changed the row first.

use tidings_domain::notification::MessageId;

use crate::GenericClient;
use crate::error::DbError;

/// `pending | retrying → processed`: the notification was delivered.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn mark_processed(client: &impl GenericClient, id: MessageId) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE notifications SET status = 'processed', processed_at = now(), error_message = NULL
             WHERE message_id = $1 AND status IN ('pending', 'retrying')",
        )
        .await?;
    Ok(client.execute(&statement, &[&id.as_uuid()]).await? == 1)
}

/// `pending | retrying → failed`: the message is in the dead-letter queue. Cuts `error` to
/// 500 characters, the length of the column.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn mark_failed(
    client: &impl GenericClient,
    id: MessageId,
    error: &str,
) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE notifications
             SET status = 'failed', error_message = left($2, 500), lease_token = NULL, lease_until = NULL
             WHERE message_id = $1 AND status IN ('pending', 'retrying')",
        )
        .await?;
    Ok(client.execute(&statement, &[&id.as_uuid(), &error]).await? == 1)
}

/// `failed → pending`: resets the attempts to 0, so that the notification is tried again from the start.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn reset_for_replay(client: &impl GenericClient, id: MessageId) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE notifications
             SET status = 'pending', retries_attempted = 0, processed_at = NULL, error_message = NULL,
                 lease_token = NULL, lease_until = NULL, deferred_since = NULL,
                 replayed_at = clock_timestamp()
             WHERE message_id = $1 AND status = 'failed'",
        )
        .await?;
    Ok(client.execute(&statement, &[&id.as_uuid()]).await? == 1)
}
