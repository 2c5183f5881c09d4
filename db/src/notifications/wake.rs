use tidings_domain::notification::UserId;

use crate::GenericClient;
use crate::error::DbError;

/// Makes the notifications of a user due that wait because of what the user has chosen or has got, so that they are decided
/// again. Leaves out those that their sender has scheduled, and those that a scheduler releases. Returns their number.
///
/// # Errors
///
/// Returns the error of the query.
pub(crate) async fn wake_held(client: &impl GenericClient, user: UserId) -> Result<u64, DbError> {
    // Schedulers and claims skip locked rows, so that waiting for them in any order cannot deadlock; a cancellation locks one
    // row or orders them by their message ids, as here.
    let statement = client
        .prepare_cached(
            "WITH held AS (
                 SELECT message_id FROM notifications
                 WHERE user_id = $1 AND status = 'scheduled' AND reason IN ('throttled', 'quiet_hours')
                       AND not_before > now() AND release_until IS NULL
                 ORDER BY message_id
                 FOR NO KEY UPDATE SKIP LOCKED
             )
             UPDATE notifications SET not_before = now()
             FROM held WHERE notifications.message_id = held.message_id",
        )
        .await?;
    Ok(client.execute(&statement, &[&user.as_uuid()]).await?)
}
