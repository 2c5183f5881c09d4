//! Why rows were not claimed.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tidings_domain::notification::{DeliveredChannel, MessageId, Phase, Status};
use uuid::Uuid;

use super::claim::{ClaimRequest, ClaimResult, number_of, seconds_of};
use crate::GenericClient;
use crate::error::DbError;

/// Finds out why rows were not claimed. A row that became free meanwhile, or that another transaction has locked, is
/// reported as leased for zero time.
pub(super) async fn reasons_not_claimed(
    client: &impl GenericClient,
    channel: DeliveredChannel,
    requests: &[ClaimRequest],
) -> Result<Vec<ClaimResult>, DbError> {
    if requests.is_empty() {
        return Ok(Vec::new());
    }
    let statement = client
        .prepare_cached(
            "SELECT message_id, status, retries_attempted,
                    extract(epoch FROM lease_until - now())::float8, error_message,
                    EXISTS (SELECT FROM sending_switches WHERE channel IN ('*', $2) AND stopped)
             FROM notifications WHERE message_id = ANY ($1)",
        )
        .await?;
    let ids: Vec<Uuid> = requests.iter().map(|one| one.id.as_uuid()).collect();
    let rows = client.query(&statement, &[&ids, &channel.as_str()]).await?;
    let rows: HashMap<Uuid, &tokio_postgres::Row> =
        rows.iter().map(|row| (row.get(0), row)).collect();
    let scheduled = rows
        .values()
        .filter(|row| row.get::<_, &str>(1) == "scheduled");
    let not_due = leave_to_scheduler(client, scheduled.map(|row| row.get(0)).collect()).await?;
    let reason = |request: &ClaimRequest| {
        let Some(row) = rows.get(&request.id.as_uuid()) else {
            return ClaimResult::RowMissing;
        };
        let Ok(status) = row.get::<_, &str>(1).parse::<Status>() else {
            return ClaimResult::UnknownStatus;
        };
        match status.phase() {
            Phase::InProgress => {}
            Phase::Scheduled if not_due.contains(&request.id) => return ClaimResult::NotDue,
            // It became due between two statements, or another transaction has locked it.
            Phase::Scheduled => return ClaimResult::LeasedElsewhere(Duration::ZERO),
            Phase::Failed | Phase::Ended => return ClaimResult::NotDeliverable(status),
        }
        if row.get::<_, i32>(2) > number_of(request) {
            return ClaimResult::AttemptAlreadyMade(row.get(4));
        }
        let left: Option<f64> = row.get(3);
        let left = left.map(seconds_of).unwrap_or_default();
        if left.is_zero() && row.get(5) {
            ClaimResult::Stopped
        } else {
            ClaimResult::LeasedElsewhere(left)
        }
    };
    Ok(requests.iter().map(reason).collect())
}

/// Takes the rows that are scheduled for later out of any release, and returns them: after that, their messages may be
/// acknowledged. Otherwise a scheduler that has published such a message could still make its row `pending`, and no
/// message would be left.
async fn leave_to_scheduler(
    client: &impl GenericClient,
    ids: Vec<Uuid>,
) -> Result<HashSet<MessageId>, DbError> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let statement = client
        .prepare_cached(
            "WITH later AS (
                 SELECT message_id
                 FROM (SELECT id FROM unnest($1::uuid[]) AS wanted (id) ORDER BY id) AS wanted
                      CROSS JOIN LATERAL (
                          SELECT message_id, status, not_before FROM notifications
                          WHERE message_id = wanted.id OFFSET 0
                          FOR NO KEY UPDATE SKIP LOCKED) AS found
                 -- An item of a digest waits without a time.
                 WHERE status = 'scheduled' AND (not_before > now() OR not_before IS NULL)
             )
             UPDATE notifications SET release_until = NULL
             FROM later WHERE notifications.message_id = later.message_id
             RETURNING notifications.message_id",
        )
        .await?;
    let rows = client.query(&statement, &[&ids]).await?;
    Ok(rows
        .iter()
        .map(|row| MessageId::from(row.get::<_, Uuid>(0)))
        .collect())
}
