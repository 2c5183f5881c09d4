use std::fmt::Display;
use std::time::{Duration, Instant};

/// Time between two checks of a condition.
const INTERVAL: Duration = Duration::from_millis(20);

/// Returns a duration in seconds.
#[must_use]
pub const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Waits until `condition` holds.
///
/// # Panics
///
/// Panics if the condition does not hold within `limit`.
pub async fn eventually(limit: Duration, what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let ok = async || {
        condition()
            .await
            .then_some(())
            .ok_or("the condition is false")
    };
    eventually_ok(limit, what, ok).await;
}

/// Waits until `attempt` succeeds and returns its value. Its last error, which describes the current state, is in
/// the panic message.
///
/// # Panics
///
/// Panics if `attempt` does not succeed within `limit`.
pub async fn eventually_ok<T, E: Display>(
    limit: Duration,
    what: &str,
    mut attempt: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    let deadline = Instant::now() + limit;
    loop {
        match attempt().await {
            Ok(value) => return value,
            Err(error) if Instant::now() > deadline => {
                panic!("not within {limit:?}: {what}; last: {error}")
            }
            Err(_) => tokio::time::sleep(INTERVAL).await,
        }
    }
}
