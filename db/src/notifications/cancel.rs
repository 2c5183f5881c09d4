//! Cancels notifications. A cancellation is final: no send of a cancelled notification begins.

use jiff::Timestamp;
use tidings_domain::notification::{Channel, GroupKey, MessageId, Status, UserId};

use crate::audit::{self, Action, AuditEntry, AuditOrigin, Outcome, TargetKind};
use crate::database::Database;
use crate::error::DbError;
use crate::transaction::TransactionOptions;
use crate::{GenericClient, Transaction};

/// Whose notifications a caller may cancel or change.
#[derive(Clone, Debug, Default)]
pub struct SenderScope {
    /// Only those of this sender; `None` stands for all.
    pub sender: Option<String>,
    /// Only those for this user.
    pub user: Option<UserId>,
}

/// The result of a cancellation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelResult {
    /// It is cancelled, now or before: no send begins any more.
    Cancelled {
        /// Whether it has been sent to an address, or may have been: an attempt has an unknown outcome.
        maybe_sent: bool,
    },
    /// A worker is sending it.
    BeingSent {
        /// When its lease ends.
        lease_until: Timestamp,
    },
    /// It has ended otherwise, or failed. `None` stands for a status of a newer version.
    Ended(Option<Status>),
    /// It is not recorded, or belongs to another sender: a caller must not learn which. Its cancellation is recorded.
    Cancelling,
}

/// Cancels a notification. If it is not recorded, records its cancellation, which the intake will find. Writes an entry of the
/// audit log unless it is cancelled already.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn cancel(
    database: &Database,
    id: MessageId,
    scope: &SenderScope,
    origin: &AuditOrigin,
) -> Result<CancelResult, DbError> {
    if let Some(result) = cancel_recorded(database, id, scope, Some(origin)).await? {
        return Ok(result);
    }
    // Committed before the second look: a row that this does not see is inserted by a transaction that finds the
    // cancellation, or its claim does.
    let sender = scope.sender.as_deref().unwrap_or(ANY_SENDER);
    let sql =
        "INSERT INTO cancellations (message_id, sender) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    let entry = entry(origin, id).with("status", "cancelling");
    let is_new = write_cancellation(database, sql, id, sender, &entry).await?;
    // One request leaves one entry.
    let origin_of_rest = (!is_new).then_some(origin);
    let result = cancel_recorded(database, id, scope, origin_of_rest).await?;
    if matches!(
        result,
        Some(CancelResult::BeingSent { .. } | CancelResult::Ended(_))
    ) {
        // The caller learns that it is not cancelled.
        let sql = "DELETE FROM cancellations WHERE message_id = $1 AND sender = $2";
        let entry = entry.ended(Outcome::Refused);
        write_cancellation(database, sql, id, sender, &entry).await?;
    }
    Ok(result.unwrap_or(CancelResult::Cancelling))
}

fn entry(origin: &AuditOrigin, id: MessageId) -> AuditEntry<'_> {
    origin
        .entry(Action::NotificationCancel)
        .on(TargetKind::Notification, id)
}

/// The sender in a cancellation by an administrator. No subject is empty.
const ANY_SENDER: &str = "";

/// Executes a statement, and writes `entry` if it has changed a row. Returns whether it has.
async fn write_cancellation(
    database: &Database,
    sql: &str,
    id: MessageId,
    sender: &str,
    entry: &AuditEntry<'_>,
) -> Result<bool, DbError> {
    database
        .transaction(TransactionOptions::default(), async |transaction| {
            let statement = transaction.prepare_cached(sql).await?;
            let changed = transaction
                .execute(&statement, &[&id.as_uuid(), &sender])
                .await?;
            if changed > 0 {
                audit::record(transaction, entry).await?;
            }
            Ok(changed > 0)
        })
        .await
}

/// Cancels a notification. Returns `None` if it is not recorded, or is outside `scope`. Writes an entry of `origin` if this
/// changes the notification.
async fn cancel_recorded(
    database: &Database,
    id: MessageId,
    scope: &SenderScope,
    origin: Option<&AuditOrigin>,
) -> Result<Option<CancelResult>, DbError> {
    database
        .transaction(TransactionOptions::default(), async |transaction| {
            let statement = transaction
                .prepare_cached(
                    "SELECT status, lease_until, lease_until > now(),
                            EXISTS (SELECT FROM delivery_attempts AS attempt
                                    WHERE attempt.message_id = notifications.message_id
                                          AND outcome IN ('sending', 'unknown', 'delivered'))
                     FROM notifications
                     WHERE message_id = $1 AND ($2::text IS NULL OR sender = $2)
                           AND ($3::uuid IS NULL OR user_id = $3)
                     FOR NO KEY UPDATE",
                )
                .await?;
            let user = scope.user.map(UserId::as_uuid);
            let row = transaction
                .query_opt(&statement, &[&id.as_uuid(), &scope.sender, &user])
                .await?;
            let Some(row) = row else { return Ok(None) };
            let status: Option<Status> = row.get::<_, &str>(0).parse().ok();
            Ok(Some(match status {
                Some(Status::Cancelled) => CancelResult::Cancelled {
                    maybe_sent: row.get(3),
                },
                Some(Status::Scheduled | Status::Pending | Status::Retrying) => {
                    let is_leased = row.get::<_, Option<bool>>(2).unwrap_or(false);
                    match row.get(1) {
                        Some(lease_until) if is_leased => CancelResult::BeingSent { lease_until },
                        _ => {
                            write_cancelled(transaction, id).await?;
                            let maybe_sent = row.get(3);
                            if let Some(origin) = origin {
                                let entry = entry(origin, id).with("status", "cancelled");
                                audit::record(transaction, &entry).await?;
                            }
                            CancelResult::Cancelled { maybe_sent }
                        }
                    }
                }
                other => CancelResult::Ended(other),
            }))
        })
        .await
}

async fn write_cancelled(client: &impl GenericClient, id: MessageId) -> Result<(), DbError> {
    let statement = client
        .prepare_cached(
            "UPDATE notifications
             SET status = 'cancelled', lease_token = NULL, lease_until = NULL, release_until = NULL
             WHERE message_id = $1",
        )
        .await?;
    client.execute(&statement, &[&id.as_uuid()]).await?;
    Ok(())
}

/// Cancels up to `limit` notifications of a group of `sender`, in the order of their message ids. Leaves out what a worker is
/// sending, and what another transaction has locked. Writes one entry of the audit log, with their number, unless it is 0.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn cancel_group(
    transaction: &Transaction<'_>,
    sender: &str,
    user: Option<UserId>,
    group: &GroupKey,
    limit: u32,
    origin: &AuditOrigin,
) -> Result<u64, DbError> {
    let statement = transaction
        .prepare_cached(
            "WITH free AS (
                 SELECT message_id FROM notifications
                 WHERE sender = $1 AND group_key = $2 AND ($3::uuid IS NULL OR user_id = $3)
                       AND status IN ('scheduled', 'pending', 'retrying')
                       AND (lease_until IS NULL OR lease_until <= now())
                 ORDER BY message_id LIMIT $4
                 FOR NO KEY UPDATE SKIP LOCKED
             )
             UPDATE notifications
             SET status = 'cancelled', lease_token = NULL, lease_until = NULL, release_until = NULL
             FROM free WHERE notifications.message_id = free.message_id",
        )
        .await?;
    let user = user.map(UserId::as_uuid);
    let cancelled = transaction
        .execute(
            &statement,
            &[&sender, &group.as_str(), &user, &i64::from(limit)],
        )
        .await?;
    if cancelled > 0 {
        let entry = origin
            .entry(Action::NotificationCancelGroup)
            .on(TargetKind::NotificationGroup, group.as_str())
            .with("sender", sender)
            .with("cancelled", cancelled);
        audit::record(transaction, &entry).await?;
    }
    Ok(cancelled)
}

/// Counts the notifications of a group that are not cancelled and have not ended: those that a worker is sending, and those
/// that became free or were locked.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn count_open_in_group(
    client: &impl GenericClient,
    sender: &str,
    user: Option<UserId>,
    group: &GroupKey,
) -> Result<(u64, u64), DbError> {
    let statement = client
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE lease_until > now()),
                    count(*) FILTER (WHERE lease_until IS NULL OR lease_until <= now())
             FROM notifications
             WHERE sender = $1 AND group_key = $2 AND ($3::uuid IS NULL OR user_id = $3)
                   AND status IN ('scheduled', 'pending', 'retrying')",
        )
        .await?;
    let user = user.map(UserId::as_uuid);
    let row = client
        .query_one(&statement, &[&sender, &group.as_str(), &user])
        .await?;
    let number = |index| u64::try_from(row.get::<_, i64>(index)).unwrap_or(0);
    Ok((number(0), number(1)))
}

/// `scheduled | pending | retrying → expired` for up to `limit` notifications whose time is over. Leaves out what a worker is
/// sending or has begun to send. Returns the channel of each; `None` stands for one of a newer version.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn expire_overdue(
    client: &impl GenericClient,
    limit: u32,
) -> Result<Vec<Option<Channel>>, DbError> {
    // The condition is that of the index `notifications_expiry_idx`.
    let statement = client
        .prepare_cached(
            "WITH over AS (
                 SELECT message_id FROM notifications
                 WHERE expires_at IS NOT NULL AND expires_at <= now()
                       AND status IN ('scheduled', 'pending', 'retrying') AND lease_token IS NULL
                 ORDER BY expires_at LIMIT $1
                 FOR NO KEY UPDATE SKIP LOCKED
             )
             UPDATE notifications SET status = 'expired', release_until = NULL
             FROM over WHERE notifications.message_id = over.message_id RETURNING type",
        )
        .await?;
    let rows = client.query(&statement, &[&i64::from(limit)]).await?;
    Ok(rows
        .iter()
        .map(|row| row.get::<_, &str>(0).parse().ok())
        .collect())
}
