//! The allowed transitions of a row's status. Each function returns whether the transition happened,
//! because another program may have changed the row first.

use tidings_domain::notification::{Fingerprint, MessageId};

use super::bulk_transitions::reset_all_for_replay;
use super::filter::host_of;
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
    // The condition about fingerprints is that of `Fingerprint::differ`.
    let sql = format!(
        "WITH failed AS (
             UPDATE notifications
             SET status = 'failed', failure_reason = $4, failed_at = now(), error_message = left($2, 500),
                 failed_provider = {},
                 -- An older version replays a purged one without changing this.
                 purged_at = NULL, lease_token = NULL, lease_until = NULL
             WHERE message_id = $1 AND status IN ('pending', 'retrying')
                   AND ($3::bytea IS NULL OR fingerprint IS NULL OR fingerprint = $3
                        OR substring(fingerprint FOR 1) <> substring($3 FOR 1))
             RETURNING message_id, user_id, type, payload, failed_at
         ), endpoints AS ({RECORD_ENDPOINTS})
         SELECT FROM failed",
        failed_provider()
    );
    let statement = client.prepare_cached(&sql).await?;
    let fingerprint = fingerprint.as_ref().map(Fingerprint::as_bytes);
    let marked = client
        .query(&statement, &[&id.as_uuid(), &error, &fingerprint, &reason])
        .await?;
    Ok(marked.len() == 1)
}

/// Who was asked last since the last replay and has not delivered, if anybody. Webhooks of an HTTP client have the host of the URL, unless they are
/// sensitive. The host that a webhook has waited for in vain need not have been asked.
fn failed_provider() -> String {
    let (endpoint_host, payload_host) = (host_of("endpoint.url"), host_of("payload->>'to'"));
    format!(
        "(SELECT CASE WHEN type = 'webhook' AND sensitive IS NOT TRUE AND coalesce(asked.provider, 'http') = 'http'
                           AND (asked.provider IS NOT NULL OR $4 = 'destination_away')
                      THEN coalesce((SELECT {endpoint_host} FROM webhook_endpoints AS endpoint
                                     WHERE endpoint.user_id = notifications.user_id
                                           AND endpoint.id::text = coalesce(asked.contact_id::text, lower(payload->>'endpointId'))),
                                    {payload_host}, asked.provider)
                      ELSE asked.provider END
          FROM (VALUES (true)) AS one
               LEFT JOIN LATERAL (
                   SELECT attempt.provider, attempt.contact_id FROM delivery_attempts AS attempt
                   WHERE attempt.message_id = notifications.message_id AND outcome NOT IN ('not_sent', 'delivered')
                         AND (replayed_at IS NULL OR coalesce(last_repeated_at, started_at) >= replayed_at)
                   ORDER BY attempt.id DESC LIMIT 1) AS asked ON true)"
    )
}

/// Records which endpoints of its user a webhook has not reached: those that it was sent to and that have not accepted it, and
/// those that it was to be sent to. Those that Tidings has disabled are some of them: the failure may be due to that.
const RECORD_ENDPOINTS: &str = "
    INSERT INTO endpoint_failures (endpoint_id, failed_at, message_id)
    SELECT endpoint.id, failed.failed_at, failed.message_id
    FROM failed
         JOIN webhook_endpoints AS endpoint ON endpoint.user_id = failed.user_id
         LEFT JOIN LATERAL (
             SELECT attempt.outcome FROM delivery_attempts AS attempt
             WHERE attempt.message_id = failed.message_id AND attempt.contact_id = endpoint.id AND attempt.outcome <> 'not_sent'
             ORDER BY attempt.id DESC LIMIT 1) AS last ON true
    WHERE failed.type = 'webhook' AND failed.payload->>'to' IS NULL
          AND coalesce(lower(failed.payload->>'endpointId') = endpoint.id::text, true)
          AND CASE WHEN last.outcome IS NULL THEN endpoint.enabled OR endpoint.disabled_reason IS NOT NULL
                   ELSE last.outcome <> 'delivered' END
    ON CONFLICT (message_id, endpoint_id) DO UPDATE SET failed_at = excluded.failed_at";

/// `failed → pending`: resets the attempts to 0, so that the notification is tried again from the start. Leaves a
/// notification as it is whose payload is removed: there is nothing to send.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn reset_for_replay(client: &impl GenericClient, id: MessageId) -> Result<bool, DbError> {
    Ok(reset_all_for_replay(client, &[id]).await?.contains(&id))
}
