use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How often is looked whether requests are in flight.
const LOOK: Duration = Duration::from_millis(20);

/// For how many looks in a row there must be none. A connection that was accepted a moment ago may
/// still bring its request.
const QUIET_LOOKS: u32 = 10;

/// Counts the requests that are being answered.
#[derive(Debug, Default)]
pub struct InFlight {
    now: AtomicUsize,
    ever: AtomicUsize,
}

/// One request in flight, until it is dropped.
#[derive(Debug)]
pub struct Entered(Arc<InFlight>);

impl InFlight {
    /// Counts a request, until what is returned is dropped, also by a panic.
    pub fn enter(self: &Arc<Self>) -> Entered {
        self.now.fetch_add(1, Ordering::SeqCst);
        self.ever.fetch_add(1, Ordering::SeqCst);
        Entered(Arc::clone(self))
    }

    /// Waits until no request has been in flight for a fifth of a second.
    pub async fn until_quiet(&self) {
        let (mut quiet, mut ever) = (0, self.ever.load(Ordering::SeqCst));
        while quiet < QUIET_LOOKS {
            tokio::time::sleep(LOOK).await;
            let seen = self.ever.load(Ordering::SeqCst);
            let still = self.now.load(Ordering::SeqCst) == 0 && seen == ever;
            quiet = if still { quiet + 1 } else { 0 };
            ever = seen;
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_not_quiet_while_a_request_is_in_flight() {
        let in_flight = Arc::new(InFlight::default());
        let entered = in_flight.enter();
        let waiting = tokio::time::timeout(Duration::from_mins(1), in_flight.until_quiet());
        assert!(waiting.await.is_err());
        drop(entered);
        in_flight.until_quiet().await;
    }
}
