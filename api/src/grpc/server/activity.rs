use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long a connection without calls stays open.
const IDLE_TIMEOUT: Duration = Duration::from_mins(5);

/// How many calls a client may cancel within [`CANCEL_WINDOW`]. Cancelling a call costs the client nothing and the server the
/// work that it has begun (CVE-2023-44487, "rapid reset").
const MAX_CANCELLED: u32 = 1000;

const CANCEL_WINDOW: Duration = Duration::from_secs(10);

/// What happens on one connection.
pub struct Activity {
    state: Mutex<State>,
    evicted: CancellationToken,
    response_timeout: Duration,
}

struct State {
    /// The calls that run.
    calls: usize,
    /// Those of them whose caller must authenticate.
    authenticated: usize,
    last_used: Instant,
    /// When the server began to write the responses that the client has not read, by call.
    unread: BTreeMap<u64, Instant>,
    next_call: u64,
    window_start: Instant,
    cancelled: u32,
}

/// What to do with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Keep,
    /// It has been idle for too long: close it without loss.
    CloseIdle,
    /// The client does not read a response.
    AbortUnread,
    /// The client cancels too many calls.
    AbortCancelling,
}

/// A call on a connection, until this is dropped.
pub struct RunningCall {
    activity: Arc<Activity>,
    id: u64,
    is_authenticated: bool,
}

impl Activity {
    pub fn new(response_timeout: Duration) -> Self {
        let now = Instant::now();
        Self {
            state: Mutex::new(State {
                calls: 0,
                authenticated: 0,
                last_used: now,
                unread: BTreeMap::new(),
                next_call: 0,
                window_start: now,
                cancelled: 0,
            }),
            evicted: CancellationToken::new(),
            response_timeout,
        }
    }

    /// Begins a call. `is_authenticated`: whether its caller must authenticate.
    pub fn begin(self: &Arc<Self>, is_authenticated: bool) -> RunningCall {
        let mut state = self.state();
        state.calls += 1;
        state.authenticated += usize::from(is_authenticated);
        state.next_call += 1;
        state.last_used = Instant::now();
        RunningCall {
            activity: Arc::clone(self),
            id: state.next_call,
            is_authenticated,
        }
    }

    /// Since when nobody who can authenticate has used the connection. `None` while somebody does.
    pub fn unused_since(&self) -> Option<Instant> {
        let state = self.state();
        (state.authenticated == 0 && !self.evicted.is_cancelled()).then_some(state.last_used)
    }

    /// Asks the connection to make room.
    pub fn evict(&self) {
        self.evicted.cancel();
    }

    pub const fn evicted(&self) -> &CancellationToken {
        &self.evicted
    }

    pub fn verdict(&self) -> Verdict {
        let (state, now) = (self.state(), Instant::now());
        let oldest = state.unread.values().min();
        if state.cancelled > MAX_CANCELLED {
            Verdict::AbortCancelling
        } else if oldest.is_some_and(|since| now - *since > self.response_timeout) {
            Verdict::AbortUnread
        } else if state.calls == 0 && now - state.last_used > IDLE_TIMEOUT {
            Verdict::CloseIdle
        } else {
            Verdict::Keep
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunningCall {
    /// The server begins to write the complete response.
    pub fn respond(&self) {
        let mut state = self.activity.state();
        state.unread.insert(self.id, Instant::now());
    }

    /// The client has cancelled the call.
    pub fn cancelled(&self) {
        let mut state = self.activity.state();
        let now = Instant::now();
        if now - state.window_start > CANCEL_WINDOW {
            (state.window_start, state.cancelled) = (now, 0);
        }
        state.cancelled += 1;
        if state.cancelled > MAX_CANCELLED {
            drop(state);
            self.activity.evict();
        }
    }
}

impl Drop for RunningCall {
    fn drop(&mut self) {
        let mut state = self.activity.state();
        state.calls -= 1;
        state.authenticated -= usize::from(self.is_authenticated);
        state.last_used = Instant::now();
        state.unread.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_calls_is_closed_after_a_while() {
        let activity = Arc::new(Activity::new(30 * SECOND));
        let call = activity.begin(true);
        tokio::time::advance(IDLE_TIMEOUT + SECOND).await;
        assert_eq!(activity.verdict(), Verdict::Keep);
        drop(call);
        assert_eq!(activity.verdict(), Verdict::Keep);
        tokio::time::advance(IDLE_TIMEOUT + SECOND).await;
        assert_eq!(activity.verdict(), Verdict::CloseIdle);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_disconnected() {
        let activity = Arc::new(Activity::new(30 * SECOND));
        let (read, unread) = (activity.begin(true), activity.begin(true));
        read.respond();
        tokio::time::advance(20 * SECOND).await;
        unread.respond();
        drop(read);
        tokio::time::advance(20 * SECOND).await;
        assert_eq!(activity.verdict(), Verdict::Keep);
        tokio::time::advance(20 * SECOND).await;
        assert_eq!(activity.verdict(), Verdict::AbortUnread);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_cancels_too_many_calls_at_once_is_disconnected() {
        let activity = Arc::new(Activity::new(30 * SECOND));
        for _ in 0..MAX_CANCELLED {
            activity.begin(true).cancelled();
        }
        assert_eq!(activity.verdict(), Verdict::Keep);
        tokio::time::advance(CANCEL_WINDOW + SECOND).await;
        for _ in 0..MAX_CANCELLED {
            activity.begin(true).cancelled();
        }
        assert_eq!(activity.verdict(), Verdict::Keep);
        activity.begin(true).cancelled();
        assert_eq!(activity.verdict(), Verdict::AbortCancelling);
        assert!(activity.evicted().is_cancelled());
    }
}
