//! The items of a digest that is being closed.

use jiff::Timestamp;
use serde_json::value::RawValue;
use tidings_domain::decision::{Candidate, Decision, LimitState, SuppressReason, decide};
use tidings_domain::digest::{DigestItem, MAX_SHOWN_BYTES, MAX_SHOWN_ITEMS};
use tidings_domain::notification::{DigestId, MessageId, Status};
use tidings_domain::time::DeliveryWindow;
use uuid::Uuid;

use crate::Transaction;
use crate::error::DbError;
use crate::notifications::{USER_IS_GONE, user_refuses};

/// The items of a digest, which the transaction has locked, decided again.
pub(super) struct ClosedItems {
    /// Those that are sent.
    pub(super) wanted: Vec<MessageId>,
    /// Those that end, with their status and the reason.
    ended: Vec<(Uuid, Status, Option<SuppressReason>)>,
    /// The time of the transaction.
    now: Timestamp,
}

impl ClosedItems {
    /// Why items are suppressed.
    pub(super) fn suppressed(&self) -> Vec<SuppressReason> {
        self.ended
            .iter()
            .filter_map(|(.., reason)| *reason)
            .collect()
    }

    /// How many items have expired.
    pub(super) fn expired(&self) -> usize {
        let expired = |(_, status, _): &&(Uuid, Status, _)| *status == Status::Expired;
        self.ended.iter().filter(expired).count()
    }
}

/// Locks the items of a digest that still wait, and decides about them.
pub(super) async fn decide_items(
    transaction: &Transaction<'_>,
    digest: DigestId,
) -> Result<ClosedItems, DbError> {
    let sql = format!(
        "SELECT message_id, expires_at, now(),
                EXISTS (SELECT FROM cancellations
                        WHERE cancellations.message_id = notifications.message_id
                              AND cancellations.sender IN (notifications.sender, '')), {USER_IS_GONE}, {}
         FROM notifications
         WHERE digest_id = $1 AND status = 'scheduled' AND not_before IS NULL
         ORDER BY message_id FOR NO KEY UPDATE",
        user_refuses("notifications")
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let rows = transaction.query(&statement, &[&digest.as_uuid()]).await?;
    let mut items = ClosedItems {
        wanted: Vec::new(),
        ended: Vec::new(),
        now: rows.first().map_or_else(Timestamp::now, |row| row.get(2)),
    };
    for row in &rows {
        let candidate = Candidate {
            status: Some(Status::Scheduled),
            window: DeliveryWindow {
                not_before: None,
                expires_at: row.get(1),
            },
            is_cancelled: row.get(3),
            user_is_gone: row.get(4),
            is_unwanted: row.get(5),
            is_collected: false,
            // The claim of the digest asks.
            quiet_until: None,
            limit: LimitState::Free,
        };
        let id: Uuid = row.get(0);
        match decide(candidate, row.get(2)) {
            Decision::Send | Decision::Hold { .. } | Decision::Collect => {
                items.wanted.push(id.into());
            }
            Decision::Suppress { reason } => {
                items.ended.push((id, Status::Suppressed, Some(reason)));
            }
            Decision::Cancel => items.ended.push((id, Status::Cancelled, None)),
            Decision::Expire | Decision::End => items.ended.push((id, Status::Expired, None)),
        }
    }
    Ok(items)
}

/// Ends the items that are not sent. Returns the time of the transaction.
pub(super) async fn end_items(
    transaction: &Transaction<'_>,
    items: &ClosedItems,
) -> Result<Timestamp, DbError> {
    if items.ended.is_empty() {
        return Ok(items.now);
    }
    let all = items.ended.iter();
    let ids: Vec<Uuid> = all.clone().map(|(id, ..)| *id).collect();
    let statuses: Vec<&str> = all.clone().map(|(_, status, _)| status.as_str()).collect();
    let reasons: Vec<Option<&str>> = all
        .map(|(.., reason)| reason.map(SuppressReason::as_str))
        .collect();
    let statement = transaction
        .prepare_cached(
            "UPDATE notifications SET status = ended.status, reason = coalesce(ended.reason, notifications.reason),
                                      release_until = NULL
             FROM unnest($1::uuid[], $2::text[], $3::text[]) AS ended (id, status, reason)
             WHERE message_id = ended.id",
        )
        .await?;
    transaction
        .execute(&statement, &[&ids, &statuses, &reasons])
        .await?;
    Ok(items.now)
}

/// The newest items, which the message shows, and whether one of all items is sensitive.
pub(super) async fn newest(
    transaction: &Transaction<'_>,
    items: &[MessageId],
) -> Result<(Vec<DigestItem>, bool), DbError> {
    let ids: Vec<Uuid> = items.iter().map(|id| id.as_uuid()).collect();
    let statement = transaction
        .prepare_cached(
            "SELECT coalesce(bool_or(sensitive), false) FROM notifications WHERE message_id = ANY ($1)",
        )
        .await?;
    let sensitive = transaction.query_one(&statement, &[&ids]).await?.get(0);
    // Payloads may be large: those of the newest items count first.
    let statement = transaction
        .prepare_cached(
            "SELECT message_id, created_at, template_name, payload
             FROM (SELECT message_id, id, created_at, template_name, payload::text AS payload,
                          sum(octet_length(payload::text)) OVER (ORDER BY id DESC) AS bytes
                   FROM (SELECT * FROM notifications WHERE message_id = ANY ($1) ORDER BY id DESC LIMIT $2) AS newest
                  ) AS measured
             WHERE bytes <= $3
             ORDER BY id DESC",
        )
        .await?;
    let rows = transaction
        .query(
            &statement,
            &[&ids, &i64::from(MAX_SHOWN_ITEMS), &MAX_SHOWN_BYTES],
        )
        .await?;
    let item = |row: &tokio_postgres::Row| DigestItem {
        message_id: row.get::<_, Uuid>(0).into(),
        created_at: row.get(1),
        template: row.get(2),
        payload: RawValue::from_string(row.get(3)).unwrap_or_else(|_| RawValue::NULL.to_owned()),
    };
    Ok((rows.iter().map(item).collect(), sensitive))
}
