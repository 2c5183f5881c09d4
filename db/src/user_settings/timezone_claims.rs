//! Changes of time zones while claims run.

use std::time::Duration;

use tidings_domain::notification::{DeliveredChannel, UserId};
use uuid::Uuid;

use crate::error::DbError;
use crate::notifications::wait_for_claims;
use crate::{Database, GenericClient};

/// Waits until all claims have ended that may have decided by a former time zone of these users, at most for `limit`. Returns
/// whether they have. After that, no claim commits that has not seen the time zones that were committed before this call.
///
/// Whoever changes time zones calls this before it says so. It must also be called if nothing has changed: an earlier call may
/// have failed. A user without quiet hours needs no wait, because no claim reads the time zone.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn wait_for_timezone_claims(
    database: &Database,
    users: &[UserId],
    limit: Duration,
) -> Result<bool, DbError> {
    if users.is_empty() {
        return Ok(true);
    }
    let channels = database
        .run(async |client| held_channels(client, users).await)
        .await?;
    wait_for_claims(database, &channels, limit).await
}

/// The channels that quiet hours of these users hold.
async fn held_channels(
    client: &impl GenericClient,
    users: &[UserId],
) -> Result<Vec<DeliveredChannel>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT DISTINCT unnest(quiet_channels) FROM user_settings WHERE user_id = ANY ($1) AND quiet IS NOT NULL",
        )
        .await?;
    let ids: Vec<Uuid> = users.iter().map(|user| user.as_uuid()).collect();
    let rows = client.query(&statement, &[&ids]).await?;
    let held: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
    let is_held = |channel: &DeliveredChannel| held.contains(&channel.as_str());
    Ok(DeliveredChannel::ALL.into_iter().filter(is_held).collect())
}
