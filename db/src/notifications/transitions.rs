//! The allowed transitions of a row's status. Each function returns whether the transition happened,
//! because another program may have changed the row first.

use tidings_domain::notification::{Fingerprint, MessageId};

use crate::GenericClient;
use crate::error::DbError;

/// `pending | retrying → processed`: the notification was delivered. An in-app notification is visible from now on.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn mark_processed(client: &impl GenericClient, id: MessageId) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE notifications
             SET status = 'processed', processed_at = now(), error_message = NULL,
                 recorded_xid = CASE type WHEN 'in-app' THEN pg_current_xact_id() ELSE recorded_xid END
             WHERE message_id = $1 AND status IN ('pending', 'retrying')",
        )
        .await?;
    Ok(client.execute(&statement, &[&id.as_uuid()]).await? == 1)
}

/// `pending | retrying → failed`: the message is in the dead-letter queue. `reason` is the code of the failure. Cuts `error` to
/// 500 characters, the length of the column.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn mark_failed(
    client: &impl GenericClient,
    id: MessageId,
    reason: &str,
    error: &str,
) -> Result<bool, DbError> {
    mark_request_failed(client, id, None, reason, error).await
}

/// Like [`mark_failed`], for a message with a request of its own, whose fingerprint is `fingerprint`. Leaves a row as it is
/// that is known to be the one of another request.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn mark_request_failed(
    client: &impl GenericClient,
    id: MessageId,
    fingerprint: Option<Fingerprint>,
    reason: &str,
    error: &str,
) -> Result<bool, DbError> {
    // The last condition is that of `Fingerprint::differ`.
    let statement = client
        .prepare_cached(
            "UPDATE notifications
             SET status = 'failed', failure_reason = $4, failed_at = now(), error_message = left($2, 500),
                 -- An older version replays a purged one without changing this.
                 purged_at = NULL, lease_token = NULL, lease_until = NULL
             WHERE message_id = $1 AND status IN ('pending', 'retrying')
                   AND ($3::bytea IS NULL OR fingerprint IS NULL OR fingerprint = $3
                        OR substring(fingerprint FOR 1) <> substring($3 FOR 1))",
        )
        .await?;
    let fingerprint = fingerprint.as_ref().map(Fingerprint::as_bytes);
    let marked = client
        .execute(&statement, &[&id.as_uuid(), &error, &fingerprint, &reason])
        .await?;
    Ok(marked == 1)
}

/// `failed → pending`: resets the attempts to 0, so that the notification is tried again from the start. Leaves a
/// notification as it is whose payload is removed: there is nothing to send.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn reset_for_replay(client: &impl GenericClient, id: MessageId) -> Result<bool, DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE notifications
             SET status = 'pending', retries_attempted = 0, processed_at = NULL, error_message = NULL,
                 failure_reason = NULL, failed_at = NULL, purged_at = NULL,
                 lease_token = NULL, lease_until = NULL, deferred_since = NULL, slot_at = NULL,
                 replayed_at = clock_timestamp()
             WHERE message_id = $1 AND status = 'failed' AND payload_removed_at IS NULL",
        )
        .await?;
    Ok(client.execute(&statement, &[&id.as_uuid()]).await? == 1)
}
