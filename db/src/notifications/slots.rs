//! The limits of users: how many notifications each gets by a channel.

use std::collections::HashMap;

use tidings_domain::decision::LimitState;
use tidings_domain::notification::{DeliveredChannel, MessageId};
use tidings_domain::user_limit::UserLimit;
use uuid::Uuid;

use crate::Transaction;
use crate::error::DbError;

/// Takes slots of their users' limit for notifications that `transaction` has claimed. Returns those that get none.
///
/// What has a slot from an earlier claim keeps it. What has no user, and what is of a critical category, needs none.
///
/// The users are locked in the order of their ids until the end of the transaction, so that no other claim counts at the same
/// time.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn take_slots(
    transaction: &Transaction<'_>,
    channel: DeliveredChannel,
    limit: UserLimit,
    claimed: &[MessageId],
) -> Result<HashMap<MessageId, LimitState>, DbError> {
    if claimed.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<Uuid> = claimed.iter().map(|id| id.as_uuid()).collect();
    let lock = transaction
        .prepare_cached(&format!(
            "SELECT FROM users
             WHERE id = ANY (ARRAY (SELECT user_id FROM notifications
                                    WHERE message_id = ANY ($1) AND {NEEDS_SLOT}))
             ORDER BY id FOR NO KEY UPDATE"
        ))
        .await?;
    transaction.execute(&lock, &[&ids]).await?;
    // A statement of its own: its snapshot includes what was committed while this one waited for the locks.
    let statement = transaction
        .prepare_cached(&format!(
            "WITH candidate AS (
                 SELECT message_id, user_id, row_number() OVER (PARTITION BY user_id ORDER BY id) AS rank
                 FROM notifications WHERE message_id = ANY ($1) AND {NEEDS_SLOT}
             ), used AS (
                 SELECT user_id, taken, delivered
                 FROM (SELECT DISTINCT user_id FROM candidate) AS target
                      CROSS JOIN LATERAL (
                          SELECT count(*) AS taken, count(*) FILTER (WHERE status = 'processed') AS delivered
                          FROM notifications AS other
                          WHERE other.user_id = target.user_id AND other.type = $2
                                AND other.slot_at > now() - make_interval(secs => $4)
                                AND other.status NOT IN ('failed', 'cancelled', 'expired', 'suppressed', 'digested')
                      ) AS counted
             ), granted AS (
                 UPDATE notifications SET slot_at = now()
                 FROM candidate JOIN used USING (user_id)
                 WHERE notifications.message_id = candidate.message_id AND rank <= $3 - taken
             )
             SELECT message_id, delivered >= $3
             FROM candidate JOIN used USING (user_id)
             WHERE rank > $3 - taken"
        ))
        .await?;
    let (count, seconds) = (i64::from(limit.count), limit.window.as_secs_f64());
    let rows = transaction
        .query(&statement, &[&ids, &channel.as_str(), &count, &seconds])
        .await?;
    let without = rows.iter().map(|row| {
        let state = if row.get(1) {
            LimitState::Reached
        } else {
            LimitState::Taken
        };
        (MessageId::from(row.get::<_, Uuid>(0)), state)
    });
    Ok(without.collect())
}

/// Whether a row counts towards the limit of its user and has no slot yet. The one place that exempts critical categories.
const NEEDS_SLOT: &str = "user_id IS NOT NULL AND slot_at IS NULL
    AND NOT EXISTS (SELECT FROM categories WHERE categories.name = notifications.category AND kind = 'critical')";
