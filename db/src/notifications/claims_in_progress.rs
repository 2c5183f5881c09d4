use std::time::Duration;

use tidings_domain::notification::DeliveredChannel;
use tokio::time::{Instant, sleep};

use crate::error::DbError;
use crate::sending_switches::{LOCK_CLASS, lock_key};
use crate::{Database, GenericClient};

/// The first and the longest pause between two looks at the claims.
const PAUSES: [Duration; 2] = [Duration::from_millis(2), Duration::from_millis(50)];

/// Waits until all claims of these channels have ended that had begun before this call, at most for `limit`. Returns whether
/// they have. After that, no claim commits that has not seen what was committed before this call.
///
/// A transaction that claims holds the lock of its channel from before the statement that reads. No claim waits for this call,
/// unlike for a [stop](crate::sending_switches::stop).
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn wait_for_claims(
    database: &Database,
    channels: &[DeliveredChannel],
    limit: Duration,
) -> Result<bool, DbError> {
    let deadline = Instant::now() + limit;
    let mut claims = database
        .run(async |client| running(client, channels).await)
        .await?;
    let [mut pause, longest] = PAUSES;
    while !claims.is_empty() {
        if Instant::now() >= deadline {
            return Ok(false);
        }
        sleep(pause).await;
        pause = (pause * 2).min(longest);
        claims = database
            .run(async |client| not_ended(client, &claims).await)
            .await?;
    }
    Ok(true)
}

/// The virtual ids of the transactions that claim notifications of these channels.
async fn running(
    client: &impl GenericClient,
    channels: &[DeliveredChannel],
) -> Result<Vec<String>, DbError> {
    if channels.is_empty() {
        return Ok(Vec::new());
    }
    let statement = client
        .prepare_cached(
            "SELECT virtualtransaction FROM pg_locks
             WHERE locktype = 'advisory' AND mode = 'ShareLock' AND granted
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                   AND classid::bigint = $1 AND objid::bigint = ANY($2) AND objsubid = 2",
        )
        .await?;
    let keys: Vec<i64> = channels.iter().map(|one| lock_key(*one).into()).collect();
    let rows = client
        .query(&statement, &[&i64::from(LOCK_CLASS), &keys])
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Those of these transactions that have not ended.
async fn not_ended(
    client: &impl GenericClient,
    transactions: &[String],
) -> Result<Vec<String>, DbError> {
    let statement = client
        .prepare_cached(
            "SELECT virtualtransaction FROM pg_locks
             WHERE locktype = 'virtualxid' AND granted AND virtualtransaction = ANY($1)",
        )
        .await?;
    let rows = client.query(&statement, &[&transactions]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
