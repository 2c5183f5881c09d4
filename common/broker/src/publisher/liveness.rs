use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// Refusals in a row after which a connection is given up though it looks alive. RabbitMQ 3.10
/// nacks every publish on a channel that was opened before a queue had its new leader, until the
/// node of the old leader is back; only another channel helps.
const REFUSALS_IN_A_ROW: u32 = 20;

/// How long publishes may time out on a connection whose node answers. A cluster takes up to 10 s to
/// see that a queue's leader is frozen and to elect another one, which then takes over what was
/// published on the open channels. Opening a new channel earlier would be worse: RabbitMQ 3.10 lets it
/// wait for the old leader.
const LASTING: Duration = Duration::from_secs(10);

/// Decides from the results of publishes whether their connection is still usable.
#[derive(Debug)]
pub(super) struct Liveness {
    refusals_in_a_row: u32,
    /// When the first publish timed out after the last one that was confirmed.
    timing_out_since: Option<Instant>,
    /// Whether the broker has raised a memory or disk alarm.
    blocked: bool,
    raised: Notify,
}

/// Why a connection may be unusable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suspicion {
    /// [`REFUSALS_IN_A_ROW`] is reached.
    Refusals,
    /// Publishes have timed out for [`LASTING`].
    LastingTimeouts,
    /// A publish has timed out. The queue may not answer, or the node.
    Timeout,
}

impl Liveness {
    pub(super) fn new() -> Self {
        Self {
            refusals_in_a_row: 0,
            timing_out_since: None,
            blocked: false,
            raised: Notify::new(),
        }
    }

    /// Records a confirm.
    pub(super) fn confirmed(&mut self, positive: bool) {
        if positive || self.blocked {
            self.reset();
            return;
        }
        self.refusals_in_a_row += 1;
        if self.refusals_in_a_row == REFUSALS_IN_A_ROW {
            self.raised.notify_one();
        }
    }

    fn reset(&mut self) {
        self.refusals_in_a_row = 0;
        self.timing_out_since = None;
    }

    /// Records publishes that were not confirmed in time.
    pub(super) fn timed_out(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        if self.blocked {
            self.reset();
            return;
        }
        self.timing_out_since.get_or_insert_with(Instant::now);
        self.raised.notify_one();
    }

    /// Records whether the broker blocks publishers: another connection would be blocked too.
    pub(super) const fn set_blocked(&mut self, blocked: bool) {
        self.blocked = blocked;
    }

    /// Waits for the next suspicion.
    pub(super) async fn suspicion(&self) -> Suspicion {
        self.raised.notified().await;
        let timing_out = self.timing_out_since.map(|since| since.elapsed());
        if self.refusals_in_a_row >= REFUSALS_IN_A_ROW {
            Suspicion::Refusals
        } else if timing_out.is_some_and(|time| time >= LASTING) {
            Suspicion::LastingTimeouts
        } else {
            Suspicion::Timeout
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, timeout};

    use super::*;

    async fn suspicion(liveness: &Liveness) -> Option<Suspicion> {
        timeout(Duration::ZERO, liveness.suspicion()).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn many_refusals_in_a_row_raise_a_suspicion() {
        let mut liveness = Liveness::new();
        for _ in 1..REFUSALS_IN_A_ROW {
            liveness.confirmed(false);
        }
        liveness.confirmed(true);
        liveness.confirmed(false);
        assert_eq!(suspicion(&liveness).await, None, "not in a row");
        for _ in 1..REFUSALS_IN_A_ROW {
            liveness.confirmed(false);
        }
        assert_eq!(suspicion(&liveness).await, Some(Suspicion::Refusals));
    }

    #[tokio::test(start_paused = true)]
    async fn timeouts_raise_a_suspicion_at_once_and_another_if_they_last() {
        let mut liveness = Liveness::new();
        for _ in 0..100 {
            liveness.timed_out(1);
        }
        assert_eq!(suspicion(&liveness).await, Some(Suspicion::Timeout));
        advance(LASTING).await;
        assert_eq!(suspicion(&liveness).await, None, "nothing new");
        liveness.timed_out(1);
        assert_eq!(suspicion(&liveness).await, Some(Suspicion::LastingTimeouts));
        liveness.confirmed(true);
        liveness.timed_out(1);
        assert_eq!(suspicion(&liveness).await, Some(Suspicion::Timeout));
    }

    #[tokio::test(start_paused = true)]
    async fn a_broker_that_blocks_publishers_is_not_suspected() {
        let mut liveness = Liveness::new();
        liveness.set_blocked(true);
        for _ in 0..REFUSALS_IN_A_ROW {
            liveness.confirmed(false);
            liveness.timed_out(1);
        }
        assert_eq!(suspicion(&liveness).await, None);
        liveness.set_blocked(false);
        liveness.timed_out(1);
        assert_eq!(suspicion(&liveness).await, Some(Suspicion::Timeout));
    }
}
