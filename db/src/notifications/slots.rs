//! The limits of users: how many notifications each gets by a channel.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;
use tidings_domain::category::CategoryName;
use tidings_domain::decision::LimitState;
use tidings_domain::notification::{DeliveredChannel, MessageId, UserId};
use tidings_domain::user_limit::UserLimit;
use uuid::Uuid;

use crate::error::DbError;
use crate::{GenericClient, Transaction};

/// Takes slots for notifications that `transaction` has claimed: of the limit of their user, if there is one, and of the limit
/// of their category, if it has one. Returns those that get none.
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
    limit: Option<UserLimit>,
    claimed: &[MessageId],
) -> Result<HashMap<MessageId, LimitState>, DbError> {
    if claimed.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<Uuid> = claimed.iter().map(|id| id.as_uuid()).collect();
    let lock = transaction
        .prepare_cached(
            "SELECT FROM users
             WHERE id = ANY (ARRAY (SELECT user_id FROM notifications WHERE message_id = ANY ($1) AND slot_at IS NULL))
             ORDER BY id FOR NO KEY UPDATE",
        )
        .await?;
    transaction.execute(&lock, &[&ids]).await?;
    // A statement of its own: its snapshot includes what was committed while this one waited for the locks. A notification
    // that gets no slot of one limit uses up a rank of the other one: then others wait, and ask again.
    let sql = format!(
        "WITH candidate AS (
             SELECT message_id, user_id, category, category_limit, category_window, key, payload -> key AS value,
                    row_number() OVER (PARTITION BY user_id ORDER BY id) AS rank,
                    row_number() OVER (PARTITION BY user_id, category, payload -> key ORDER BY id) AS category_rank
             FROM notifications
                  LEFT JOIN (SELECT name, kind, (throttle ->> 'limit')::bigint AS category_limit,
                                    (throttle ->> 'windowSecs')::float8 AS category_window, throttle ->> 'key' AS key
                             FROM categories) AS of_category ON name = category
             WHERE message_id = ANY ($1) AND user_id IS NOT NULL AND slot_at IS NULL
                   AND kind IS DISTINCT FROM 'critical'
                   AND ($3::bigint IS NOT NULL OR category_limit IS NOT NULL)
         ), counted AS (
             SELECT candidate.*, of_user.*, same.*
             FROM candidate
                  CROSS JOIN LATERAL (
                      SELECT count(*) AS taken, count(*) FILTER (WHERE status = 'processed') AS delivered
                      FROM notifications AS other
                      WHERE $3 IS NOT NULL AND other.user_id = candidate.user_id AND other.type = $2
                            AND other.slot_at > now() - make_interval(secs => $4) AND {COUNTS}
                  ) AS of_user
                  CROSS JOIN LATERAL (
                      SELECT count(*) AS category_taken, count(*) FILTER (WHERE status = 'processed') AS category_delivered
                      FROM notifications AS other
                      WHERE category_limit IS NOT NULL AND other.user_id = candidate.user_id AND other.type = $2
                            AND other.slot_at > now() - make_interval(secs => category_window)
                            AND other.category = candidate.category
                            AND (key IS NULL OR other.payload -> key IS NOT DISTINCT FROM value) AND {COUNTS}
                  ) AS same
         ), decided AS (
             SELECT message_id, $3 IS NULL OR rank <= $3 - taken AS fits,
                    category_limit IS NULL OR category_rank <= category_limit - category_taken AS fits_category,
                    coalesce(delivered >= $3, false) AS is_full,
                    coalesce(category_delivered >= category_limit, false) AS category_is_full
             FROM counted
         ), granted AS (
             UPDATE notifications SET slot_at = now()
             FROM decided
             WHERE notifications.message_id = decided.message_id AND fits AND fits_category
         )
         SELECT message_id, NOT fits AND is_full OR NOT fits_category AND category_is_full
         FROM decided WHERE NOT (fits AND fits_category)"
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let count = limit.map(|limit| i64::from(limit.count));
    let seconds = limit.map_or(0.0, |limit| limit.window.as_secs_f64());
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

/// What counts towards a limit of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotCount {
    /// The notifications that have a slot.
    pub taken: u32,
    /// Those of them that are delivered.
    pub delivered: u32,
}

impl SlotCount {
    /// What a limit of so many says about another notification.
    #[must_use]
    pub const fn state(self, limit: u32) -> LimitState {
        if self.taken < limit {
            LimitState::Free
        } else if self.delivered < limit {
            LimitState::Taken
        } else {
            LimitState::Reached
        }
    }
}

/// The notifications of a category that count towards its limit.
#[derive(Clone, Copy, Debug)]
pub struct ThrottledNotifications<'a> {
    /// The category.
    pub category: &'a CategoryName,
    /// The `key` of its throttle, and its value in the payload, if there is one: only notifications with the same value count.
    /// Without this, all of the category do.
    pub key: Option<(&'a str, Option<&'a Value>)>,
}

/// Counts the slots that a user has taken by a channel in the last `window`, with `only` these notifications, if given.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn count_slots(
    client: &impl GenericClient,
    user: UserId,
    channel: DeliveredChannel,
    window: Duration,
    only: Option<ThrottledNotifications<'_>>,
) -> Result<SlotCount, DbError> {
    let sql = format!(
        "SELECT count(*), count(*) FILTER (WHERE status = 'processed') FROM notifications AS other
         WHERE other.user_id = $1 AND other.type = $2 AND other.slot_at > now() - make_interval(secs => $3)
               AND ($4::text IS NULL OR other.category = $4)
               AND ($5::text IS NULL OR other.payload -> $5 IS NOT DISTINCT FROM $6::jsonb) AND {COUNTS}"
    );
    let statement = client.prepare_cached(&sql).await?;
    let seconds = window.as_secs_f64();
    let category = only.map(|only| only.category.as_str());
    let (key, value) = only
        .and_then(|only| only.key)
        .map_or((None, None), |(key, value)| (Some(key), value));
    let row = client
        .query_one(
            &statement,
            &[
                &user.as_uuid(),
                &channel.as_str(),
                &seconds,
                &category,
                &key,
                &value,
            ],
        )
        .await?;
    let count = |index| u32::try_from(row.get::<_, i64>(index)).unwrap_or(u32::MAX);
    Ok(SlotCount {
        taken: count(0),
        delivered: count(1),
    })
}

/// Whether the row `other`, which has a slot, counts towards a limit.
pub(super) const COUNTS: &str =
    "other.status NOT IN ('failed', 'cancelled', 'expired', 'suppressed', 'digested')";
