//! Waiting for a time or a condition. Only this program may sleep; a test must not.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

/// Time between two checks of a condition.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Sleeps.
pub async fn wait(how_long: Duration) {
    tokio::time::sleep(how_long).await;
}

/// Returns the time of the machine's clock at `instant`, which is not in the future.
pub fn timestamp_of(instant: Instant) -> Timestamp {
    let ago = SignedDuration::try_from(instant.elapsed()).unwrap_or_default();
    Timestamp::now()
        .saturating_sub(ago)
        .unwrap_or(Timestamp::MIN)
}

/// Sleeps until the time is over or `end` is cancelled.
pub async fn wait_or(how_long: Duration, end: &CancellationToken) {
    end.run_until_cancelled(wait(how_long)).await;
}

/// Waits for at most `limit` until `condition` holds. Returns whether it does.
pub async fn until<F: Future<Output = bool>>(
    limit: Duration,
    mut condition: impl FnMut() -> F,
) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if condition().await {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        wait(POLL_INTERVAL).await;
    }
}
