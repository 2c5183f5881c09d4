use std::time::Duration;

use tidings_db::{Database, attempt_limits};

/// Time between two times of maintenance.
const INTERVAL: Duration = Duration::from_hours(1);

/// Deletes old counts of links that were tried, every hour. Never ends. The sessions and links themselves are a matter of
/// retention.
pub async fn maintain(database: Database) {
    loop {
        let done = database
            .run(async |client| attempt_limits::delete_old(client).await)
            .await;
        if let Err(error) = done {
            tracing::debug!(%error, "old counts of attempts cannot be deleted yet");
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
