use std::collections::HashMap;

use jiff::Timestamp;
use tidings_domain::notification::UserId;
use uuid::Uuid;

use super::row::{InboxState, VISIBLE};
use crate::GenericClient;
use crate::error::DbError;

/// The number of unread notifications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnreadCount {
    /// The number, at most the cap.
    pub unread: u32,
    /// Whether there are more.
    pub capped: bool,
    /// When the first of those that were counted expires, if any does. Until then, the number gets smaller only by changes of
    /// state.
    pub next_expiry: Option<Timestamp>,
}

/// Counts the unread notifications of each user, up to `cap`.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn count_unread(
    client: &impl GenericClient,
    users: &[UserId],
    cap: u32,
) -> Result<HashMap<UserId, UnreadCount>, DbError> {
    let unread = InboxState::Unread.condition();
    let sql = format!(
        "SELECT wanted.user_id, counted.count, counted.next_expiry
         FROM unnest($1::uuid[]) AS wanted (user_id)
              CROSS JOIN LATERAL (
                  SELECT count(*), min(expires_at) AS next_expiry
                  FROM (SELECT expires_at FROM notifications
                        WHERE user_id = wanted.user_id AND {VISIBLE} AND {unread}
                        LIMIT $2) AS found) AS counted"
    );
    let statement = client.prepare_cached(&sql).await?;
    let users: Vec<Uuid> = users.iter().map(|user| user.as_uuid()).collect();
    let rows = client
        .query(&statement, &[&users, &(i64::from(cap) + 1)])
        .await?;
    let counts = rows.iter().map(|row| {
        let count = u32::try_from(row.get::<_, i64>(1)).unwrap_or(u32::MAX);
        let count = UnreadCount {
            unread: count.min(cap),
            capped: count > cap,
            next_expiry: row.get(2),
        };
        (UserId::from(row.get::<_, Uuid>(0)), count)
    });
    Ok(counts.collect())
}

/// Counts the unread notifications of one user, up to `cap`.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn count_unread_of(
    client: &impl GenericClient,
    user: UserId,
    cap: u32,
) -> Result<UnreadCount, DbError> {
    let counts = count_unread(client, &[user], cap).await?;
    Ok(counts.get(&user).copied().unwrap_or_default())
}
