//! Releases scheduled notifications whose time has come: what the schedulers of the workers do.
//!
//! A scheduler leases due rows, publishes their messages without a transaction, and then makes the rows `pending`. If it
//! dies in between, the lease ends and another scheduler publishes again: a second message of a notification is harmless.

use std::time::Duration;

use jiff::Timestamp;
use tidings_domain::decision::{Candidate, Decision, LimitState, SuppressReason, decide};
use tidings_domain::notification::{Channel, DeliveredChannel, MessageId, Status, UserId};
use tidings_domain::time::DeliveryWindow;
use tidings_domain::trace::TraceContext;
use tokio_postgres::Row;
use uuid::Uuid;

use super::claim::USER_IS_GONE;
use super::preferences::user_refuses;
use crate::digests::{DigestFacts, DueItem, digest_facts};
use crate::error::DbError;
use crate::trace_columns::{self, TRACE_COLUMNS};
use crate::{GenericClient, Transaction};

/// A notification whose message must be published.
#[derive(Clone, Debug)]
pub struct DueNotification {
    /// The notification.
    pub message_id: MessageId,
    /// The target user; `None` if only the payload names the recipient.
    pub user_id: Option<UserId>,
    /// The channel.
    pub channel: DeliveredChannel,
    /// The attempt of the message.
    pub attempt: u32,
    /// Whether it has a category.
    pub has_category: bool,
    /// Where a webhook goes: the members `to` and `endpointId` of its payload, as a JSON object. `None` for other channels.
    pub webhook_target: Option<String>,
    /// The trace that it belongs to.
    pub trace: Option<TraceContext>,
}

/// Notifications that were due.
#[derive(Clone, Debug)]
pub struct DueBatch {
    /// Those whose messages must be published.
    pub to_publish: Vec<DueNotification>,
    /// Until when these are leased.
    pub leased_until: Timestamp,
    /// In-app notifications, which are processed now.
    pub processed: usize,
    /// Their users, each once for each notification.
    pub processed_users: Vec<UserId>,
    /// Notifications that have expired.
    pub expired: usize,
    /// Notifications whose sender cancelled them before they were recorded.
    pub cancelled: usize,
    /// Why notifications are not sent: their user is gone, or does not want them.
    pub suppressed: Vec<SuppressReason>,
    /// Notifications that are collected to digests: [`digests::join`](crate::digests::join) does it, in a transaction of its
    /// own, because digests are locked before notifications. They are due until then.
    pub to_collect: Vec<DueItem>,
}

impl DueBatch {
    /// How many notifications were due.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.to_publish.len()
            + self.processed
            + self.expired
            + self.cancelled
            + self.suppressed.len()
            + self.to_collect.len()
    }

    /// Whether no notification was due.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Leases up to `limit` due notifications of `channel` for `lease`, the oldest first. In-app notifications are processed
/// and expired ones end in the same transaction. Leaves out what another scheduler has leased or locked.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn lease_due(
    transaction: &Transaction<'_>,
    channel: Channel,
    limit: u32,
    lease: Duration,
) -> Result<DueBatch, DbError> {
    let sql = format!(
            "SELECT message_id, user_id, retries_attempted, not_before, expires_at, now(),
                    CASE type WHEN 'webhook' THEN
                        jsonb_build_object('to', payload -> 'to', 'endpointId', payload -> 'endpointId')::text END,
                    EXISTS (SELECT FROM cancellations
                            WHERE cancellations.message_id = notifications.message_id
                                  AND cancellations.sender IN (notifications.sender, '')), {USER_IS_GONE},
                    category IS NOT NULL, user_id IS NOT NULL AND {}, category, digest_key,
                    CASE WHEN digest_id IS NULL AND reason IN ('schedule', 'broker', 'digest') THEN {} END,
                    {TRACE_COLUMNS}
             FROM notifications
             WHERE status = 'scheduled' AND not_before <= now()
                   AND type = $1
                   -- A lease that ends later than any can is from before the clock was set back.
                   AND (release_until IS NULL OR release_until <= now()
                        OR release_until > now() + make_interval(secs => $3))
             ORDER BY not_before, id LIMIT $2
             FOR NO KEY UPDATE SKIP LOCKED",
        user_refuses("notifications"),
        // What was decided before, as that of quiet hours, is not decided again.
        digest_facts("notifications", "notifications.payload")
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let rows = transaction
        .query(
            &statement,
            &[&channel.as_str(), &i64::from(limit), &lease.as_secs_f64()],
        )
        .await?;
    let now = rows.first().map_or_else(Timestamp::now, |row| row.get(5));
    let mut batch = DueBatch {
        to_publish: Vec::new(),
        leased_until: now.saturating_add(lease).unwrap_or(Timestamp::MAX),
        processed: 0,
        processed_users: Vec::new(),
        expired: 0,
        cancelled: 0,
        suppressed: Vec::new(),
        to_collect: Vec::new(),
    };
    let mut changes = Changes::default();
    for row in &rows {
        let item = due_item(row, channel);
        let candidate = Candidate {
            status: Some(Status::Scheduled),
            window: DeliveryWindow {
                not_before: row.get(3),
                expires_at: row.get(4),
            },
            is_cancelled: row.get(7),
            user_is_gone: row.get(8),
            is_unwanted: row.get(10),
            is_collected: item.is_some(),
            // Only the claim of a delivery asks.
            quiet_until: None,
            limit: LimitState::Free,
        };
        let id: Uuid = row.get(0);
        match (decide(candidate, now), channel.delivered()) {
            (Decision::Suppress { reason }, _) => {
                changes.suppress(id, reason);
                batch.suppressed.push(reason);
            }
            (Decision::Cancel, _) => {
                changes.add(id, Status::Cancelled, None);
                batch.cancelled += 1;
            }
            (Decision::Expire | Decision::End, _) => {
                changes.add(id, Status::Expired, None);
                batch.expired += 1;
            }
            (Decision::Collect, _) => {
                // No scheduler has it under a lease any more.
                changes.add(id, Status::Scheduled, None);
                batch.to_collect.extend(item);
            }
            // The clock of the database was set back.
            (Decision::Hold { .. }, _) => {}
            (Decision::Send, None) => {
                changes.add(id, Status::Processed, None);
                batch.processed += 1;
                let user = row.get::<_, Option<Uuid>>(1).map(UserId::from);
                batch.processed_users.extend(user);
            }
            (Decision::Send, Some(channel)) => {
                changes.add(id, Status::Scheduled, Some(batch.leased_until));
                batch.to_publish.push(DueNotification {
                    message_id: id.into(),
                    user_id: row.get::<_, Option<Uuid>>(1).map(UserId::from),
                    channel,
                    attempt: u32::try_from(row.get::<_, i32>(2)).unwrap_or(0),
                    has_category: row.get(9),
                    webhook_target: row.get(6),
                    trace: trace_columns::read(row, 14),
                });
            }
        }
    }
    changes.write(transaction).await?;
    Ok(batch)
}

/// The item that a due row becomes, if it is collected.
fn due_item(row: &Row, channel: Channel) -> Option<DueItem> {
    let facts = DigestFacts::read(row.get(13))?;
    Some(DueItem {
        message_id: row.get::<_, Uuid>(0).into(),
        user: row.get::<_, Option<Uuid>>(1)?.into(),
        channel,
        category: row.get(11),
        key: row
            .get::<_, Option<&str>>(12)
            .and_then(|key| key.parse().ok()),
        facts,
    })
    .filter(|item| item.facts.collects())
}

/// What happens to due rows, column by column.
#[derive(Default)]
struct Changes {
    ids: Vec<Uuid>,
    statuses: Vec<&'static str>,
    leases: Vec<Option<Timestamp>>,
    /// Why they are suppressed.
    reasons: Vec<Option<&'static str>>,
}

impl Changes {
    fn add(&mut self, id: Uuid, status: Status, leased_until: Option<Timestamp>) {
        self.push(id, status, leased_until, None);
    }

    fn suppress(&mut self, id: Uuid, reason: SuppressReason) {
        self.push(id, Status::Suppressed, None, Some(reason.as_str()));
    }

    fn push(
        &mut self,
        id: Uuid,
        status: Status,
        leased_until: Option<Timestamp>,
        reason: Option<&'static str>,
    ) {
        self.ids.push(id);
        self.statuses.push(status.as_str());
        self.leases.push(leased_until);
        self.reasons.push(reason);
    }

    /// Writes them to rows that the transaction has locked.
    async fn write(&self, transaction: &Transaction<'_>) -> Result<(), DbError> {
        if self.ids.is_empty() {
            return Ok(());
        }
        let statement = transaction
            .prepare_cached(
                "UPDATE notifications
                 SET status = change.status, release_until = change.leased_until,
                     reason = coalesce(change.reason, notifications.reason),
                     processed_at = CASE change.status WHEN 'processed' THEN now() ELSE processed_at END,
                     -- Only in-app notifications become processed here. Readers of inboxes follow their transactions.
                     recorded_xid = CASE change.status WHEN 'processed' THEN pg_current_xact_id() ELSE recorded_xid END
                 FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[])
                      AS change (id, status, leased_until, reason)
                 WHERE message_id = change.id",
            )
            .await?;
        transaction
            .execute(
                &statement,
                &[&self.ids, &self.statuses, &self.leases, &self.reasons],
            )
            .await?;
        Ok(())
    }
}

/// `scheduled → pending`: the messages of these notifications are published. Leaves out rows whose lease is not the one
/// that ends at `leased_until` any more (a delivery has claimed or held them) and rows that another transaction has locked.
/// Returns the number of changed rows.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn mark_released(
    client: &impl GenericClient,
    ids: &[MessageId],
    leased_until: Timestamp,
) -> Result<u64, DbError> {
    end_leases(client, ids, leased_until, Status::Pending).await
}

/// Gives leases back, because the messages of these notifications could not be published. They are due again at once.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn give_back_leases(
    client: &impl GenericClient,
    ids: &[MessageId],
    leased_until: Timestamp,
) -> Result<u64, DbError> {
    end_leases(client, ids, leased_until, Status::Scheduled).await
}

async fn end_leases(
    client: &impl GenericClient,
    ids: &[MessageId],
    leased_until: Timestamp,
    status: Status,
) -> Result<u64, DbError> {
    if ids.is_empty() {
        return Ok(0);
    }
    // `claim` explains the order of the locks and `OFFSET 0`.
    let statement = client
        .prepare_cached(
            "WITH leased AS (
                 SELECT message_id
                 FROM (SELECT id FROM unnest($1::uuid[]) AS wanted (id) ORDER BY id) AS wanted
                      CROSS JOIN LATERAL (
                          SELECT message_id, status, release_until FROM notifications
                          WHERE message_id = wanted.id OFFSET 0
                          FOR NO KEY UPDATE SKIP LOCKED) AS found
                 WHERE status = 'scheduled' AND release_until = $2
             )
             UPDATE notifications SET status = $3, release_until = NULL
             FROM leased WHERE notifications.message_id = leased.message_id",
        )
        .await?;
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    Ok(client
        .execute(&statement, &[&ids, &leased_until, &status.as_str()])
        .await?)
}
