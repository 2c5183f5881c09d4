//! Letting time pass, which is what this program does between its deeds. (A test must not.)

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// Lets time pass.
pub async fn wait(how_long: Duration) {
    tokio::time::sleep(how_long).await;
}

/// Lets time pass, but no more than until `end`.
pub async fn wait_or(how_long: Duration, end: &CancellationToken) {
    end.run_until_cancelled(wait(how_long)).await;
}

/// Waits until `condition` holds, at most for `limit`, and tells whether it does.
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
        wait(LOOK).await;
    }
}
