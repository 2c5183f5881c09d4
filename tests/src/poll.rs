use std::fmt::Display;
use std::time::{Duration, Instant};

/// How long the one loop that polls pauses between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Seconds, in short.
#[must_use]
pub const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Waits until `condition` holds.
///
/// # Panics
///
/// Where it does not hold within `limit`.
pub async fn eventually(limit: Duration, what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let ok = async || condition().await.then_some(()).ok_or("it is not so");
    eventually_ok(limit, what, ok).await;
}

/// Waits until `attempt` succeeds and returns what it returned. Its error says how things stand,
/// and the last one is in the panic's message.
///
/// # Panics
///
/// Where it does not succeed within `limit`.
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
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
