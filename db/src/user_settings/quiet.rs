//! The quiet hours of users, for deliveries.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use tidings_domain::notification::{DeliveredChannel, UserId};
use tidings_domain::time::{QuietHours, Timezone};
use uuid::Uuid;

use crate::Transaction;
use crate::error::DbError;

/// In a statement on `notifications` whose parameter $5 is the name of a channel: the quiet hours of its user for
/// the channel, and the time zone, for [`quiet_hours`]. NULL if there are none: most users have no settings, and
/// then this is one look into an index.
pub(crate) const QUIET_HOURS: &str = "(
    SELECT ARRAY[user_settings.quiet::text, users.timezone]
    FROM user_settings JOIN users ON users.id = user_settings.user_id
    WHERE user_settings.user_id = notifications.user_id AND user_settings.quiet IS NOT NULL
          AND $5 = ANY (user_settings.quiet_channels))";

/// The quiet hours of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserQuietHours {
    hours: QuietHours,
    timezone: Option<Timezone>,
}

/// Reads the value of [`QUIET_HOURS`]. Quiet hours that this version cannot read hold nothing.
pub(crate) fn quiet_hours(stored: Option<Vec<Option<String>>>) -> Option<UserQuietHours> {
    let mut stored = stored?.into_iter();
    let hours = QuietHours::from_json(&stored.next()??)?;
    let timezone = stored.next().flatten();
    Some(UserQuietHours {
        hours,
        // SQL may have inserted a name that the database of time zones lacks.
        timezone: timezone.and_then(|name| name.parse().ok()),
    })
}

impl UserQuietHours {
    /// When a notification that waits for the end of the quiet hours is sent; `None` if it is not quiet at `now`. See
    /// [`QuietHours::release`]. `default` is the time zone of users who have set none.
    #[must_use]
    pub fn release(
        &self,
        default: &Timezone,
        now: Timestamp,
        user: UserId,
        spread: Duration,
    ) -> Option<Timestamp> {
        let timezone = self.timezone.as_ref().unwrap_or(default);
        self.hours.release(timezone, now, user, spread)
    }

    /// Whether it is quiet. `default` is the time zone of users who have set none.
    #[must_use]
    pub fn is_quiet(&self, default: &Timezone, at: Timestamp) -> bool {
        let timezone = self.timezone.as_ref().unwrap_or(default);
        self.hours.is_quiet(timezone, at)
    }
}

/// Locks the settings of these users until the transaction ends, and returns the quiet hours that then apply to `channel`.
///
/// A claim calls this before it holds notifications: whoever changes the settings waits until they are held, and then finds
/// them. Call it after [`take_slots`](crate::notifications::take_slots): users are locked before their settings.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn lock_quiet_hours(
    transaction: &Transaction<'_>,
    channel: DeliveredChannel,
    users: &[UserId],
) -> Result<HashMap<UserId, UserQuietHours>, DbError> {
    if users.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<Uuid> = users.iter().map(|id| id.as_uuid()).collect();
    let lock = transaction
        .prepare_cached(
            "SELECT FROM user_settings WHERE user_id = ANY ($1) ORDER BY user_id FOR SHARE",
        )
        .await?;
    transaction.execute(&lock, &[&ids]).await?;
    // A statement of its own: its snapshot includes what was committed while this one waited for the locks.
    let statement = transaction
        .prepare_cached(
            "SELECT user_id, ARRAY[quiet::text, timezone]
             FROM user_settings JOIN users ON users.id = user_id
             WHERE user_id = ANY ($1) AND quiet IS NOT NULL AND $2 = ANY (quiet_channels)",
        )
        .await?;
    let rows = transaction
        .query(&statement, &[&ids, &channel.as_str()])
        .await?;
    let all = rows.iter().filter_map(|row| {
        let user: Uuid = row.get(0);
        Some((user.into(), quiet_hours(row.get(1))?))
    });
    Ok(all.collect())
}
