use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The interval between checks for requests in flight.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// How many checks in a row must find no request, because a connection that was just accepted may still be
/// about to send one.
const QUIET_CHECKS: u32 = 10;

/// Counts the requests that are being handled.
#[derive(Debug, Default)]
pub struct RequestsInFlight {
    current: AtomicUsize,
    total: AtomicUsize,
}

/// One request in flight. Dropping the value ends the request.
#[derive(Debug)]
pub struct RequestGuard(Arc<RequestsInFlight>);

impl RequestsInFlight {
    /// Counts a request until the guard is dropped, which a panic does too.
    pub fn enter(self: &Arc<Self>) -> RequestGuard {
        self.current.fetch_add(1, Ordering::SeqCst);
        self.total.fetch_add(1, Ordering::SeqCst);
        RequestGuard(Arc::clone(self))
    }

    /// Waits until no request has been in flight for 200 ms.
    pub async fn until_quiet(&self) {
        let (mut quiet, mut total) = (0, self.total.load(Ordering::SeqCst));
        while quiet < QUIET_CHECKS {
            tokio::time::sleep(CHECK_INTERVAL).await;
            let seen = self.total.load(Ordering::SeqCst);
            let is_quiet = self.current.load(Ordering::SeqCst) == 0 && seen == total;
            quiet = if is_quiet { quiet + 1 } else { 0 };
            total = seen;
        }
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.0.current.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn until_quiet_waits_for_a_request_in_flight() {
        let in_flight = Arc::new(RequestsInFlight::default());
        let guard = in_flight.enter();
        let waiting = tokio::time::timeout(Duration::from_mins(1), in_flight.until_quiet());
        assert!(waiting.await.is_err());
        drop(guard);
        in_flight.until_quiet().await;
    }
}
