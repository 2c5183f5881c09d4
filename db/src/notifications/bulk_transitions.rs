//! The transitions of many rows in one statement, which locks them in the order of their ids, as everybody does.

use std::collections::{HashMap, HashSet};

use tidings_domain::notification::MessageId;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::GenericClient;
use crate::error::DbError;

/// Like [`reset_for_replay`](super::reset_for_replay), for many notifications. Returns those that are reset.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn reset_all_for_replay(
    client: &impl GenericClient,
    ids: &[MessageId],
) -> Result<HashSet<MessageId>, DbError> {
    let sql = "WITH locked AS MATERIALIZED (
                   SELECT message_id FROM notifications
                   WHERE message_id = ANY($1) AND status = 'failed' AND payload_removed_at IS NULL
                   ORDER BY message_id FOR UPDATE
               ), reached AS (
                   -- Recorded again if the notification fails again.
                   DELETE FROM endpoint_failures USING locked WHERE endpoint_failures.message_id = locked.message_id
               )
               UPDATE notifications
               SET status = 'pending', retries_attempted = 0, processed_at = NULL, error_message = NULL,
                   failure_reason = NULL, failed_at = NULL, failed_provider = NULL, purged_at = NULL,
                   lease_token = NULL, lease_until = NULL, deferred_since = NULL, slot_at = NULL,
                   replayed_at = clock_timestamp()
               FROM locked WHERE notifications.message_id = locked.message_id
               RETURNING notifications.message_id";
    changed(client, sql, ids).await
}

/// Like [`mark_processed`](super::mark_processed), for many notifications. Returns those that are processed now.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn mark_all_processed(
    client: &impl GenericClient,
    ids: &[MessageId],
) -> Result<HashSet<MessageId>, DbError> {
    let sql = "WITH locked AS MATERIALIZED (
                   SELECT message_id FROM notifications
                   WHERE message_id = ANY($1) AND status IN ('pending', 'retrying')
                   ORDER BY message_id FOR UPDATE
               )
               UPDATE notifications
               SET status = 'processed', processed_at = now(), error_message = NULL,
                   recorded_xid = CASE type WHEN 'in-app' THEN pg_current_xact_id() ELSE recorded_xid END
               FROM locked WHERE notifications.message_id = locked.message_id
               RETURNING notifications.message_id";
    changed(client, sql, ids).await
}

/// Purges the dead letters of failed notifications: they stay failed, and are listed no more. Returns those that were listed.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn purge_failed(
    client: &impl GenericClient,
    ids: &[MessageId],
) -> Result<HashSet<MessageId>, DbError> {
    let sql = "WITH locked AS MATERIALIZED (
                   SELECT message_id FROM notifications
                   WHERE message_id = ANY($1) AND status = 'failed' AND purged_at IS NULL
                   ORDER BY message_id FOR UPDATE
               )
               UPDATE notifications SET purged_at = clock_timestamp()
               FROM locked WHERE notifications.message_id = locked.message_id
               RETURNING notifications.message_id";
    changed(client, sql, ids).await
}

async fn changed(
    client: &impl GenericClient,
    sql: &str,
    ids: &[MessageId],
) -> Result<HashSet<MessageId>, DbError> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let statement = client.prepare_cached(sql).await?;
    let rows = client.query(&statement, &[&uuids(ids)]).await?;
    Ok(rows
        .iter()
        .map(|row| row.get::<_, Uuid>(0).into())
        .collect())
}

/// Makes notifications that wait for a message start again from the first attempt, because their message is a dead letter.
/// Leaves a notification as it is that a worker sends at this moment. Returns those that exist, and whether each starts again.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn restart_waiting(
    client: &impl GenericClient,
    ids: &[MessageId],
) -> Result<HashMap<MessageId, bool>, DbError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let statement = client
        .prepare_cached(
            "WITH locked AS MATERIALIZED (
                 SELECT message_id, status IN ('pending', 'retrying') AND payload_removed_at IS NULL
                                    AND (lease_until IS NULL OR lease_until <= clock_timestamp()) AS is_waiting
                 FROM notifications WHERE message_id = ANY($1) ORDER BY message_id FOR UPDATE
             ), restarted AS (
                 UPDATE notifications
                 SET status = 'pending', retries_attempted = 0, lease_token = NULL, lease_until = NULL, deferred_since = NULL,
                     slot_at = NULL, replayed_at = clock_timestamp()
                 FROM locked WHERE notifications.message_id = locked.message_id AND is_waiting
             )
             SELECT message_id, is_waiting FROM locked",
        )
        .await?;
    let rows = client.query(&statement, &[&uuids(ids)]).await?;
    let result = |row: &Row| (row.get::<_, Uuid>(0).into(), row.get(1));
    Ok(rows.iter().map(result).collect())
}

fn uuids(ids: &[MessageId]) -> Vec<Uuid> {
    ids.iter().copied().map(MessageId::as_uuid).collect()
}
