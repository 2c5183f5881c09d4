//! The legal changes of a row's status. Each says whether it happened, since another program may
//! have been faster.

use tidings_domain::notification::MessageId;

use crate::GenericClient;
use crate::error::DbError;

/// `pending | retrying → processed`: it was delivered.
///
/// # Errors
///
/// Those of the query.
pub async fn process(client: &impl GenericClient, id: MessageId) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE notifications SET status = 'processed', processed_at = now(), error_message = NULL
             WHERE message_id = $1 AND status IN ('pending', 'retrying')",
        )
        .await?;
    Ok(client.execute(&statement, &[&id.as_uuid()]).await? == 1)
}

/// `scheduled | pending | retrying → failed`: its message is in the dead-letter queue. `error` is
/// cut to the 500 characters that the column holds.
///
/// # Errors
///
/// Those of the query.
pub async fn fail(
    client: &impl GenericClient,
    id: MessageId,
    error: &str,
) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE notifications
             SET status = 'failed', error_message = left($2, 500), lease_token = NULL, lease_until = NULL
             WHERE message_id = $1 AND status IN ('scheduled', 'pending', 'retrying')",
        )
        .await?;
    Ok(client.execute(&statement, &[&id.as_uuid(), &error]).await? == 1)
}

/// `failed → pending`, its attempts back at 0: it will be tried again from the start.
///
/// # Errors
///
/// Those of the query.
pub async fn replay(client: &impl GenericClient, id: MessageId) -> Result<bool, DbError> {
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
