use std::time::Duration;

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
        }
    }

    /// Records a confirm. Raises a suspicion once for each row of refusals.
    pub(super) fn confirmed(&mut self, positive: bool) -> Option<Suspicion> {
        if positive || self.blocked {
            self.reset();
            return None;
        }
        self.refusals_in_a_row += 1;
        (self.refusals_in_a_row == REFUSALS_IN_A_ROW).then_some(Suspicion::Refusals)
    }

    fn reset(&mut self) {
        self.refusals_in_a_row = 0;
        self.timing_out_since = None;
    }

    /// Records publishes that were not confirmed in time.
    pub(super) fn timed_out(&mut self, count: usize) -> Option<Suspicion> {
        if count == 0 {
            return None;
        }
        if self.blocked {
            self.reset();
            return None;
        }
        let since = *self.timing_out_since.get_or_insert_with(Instant::now);
        Some(if since.elapsed() >= LASTING {
            Suspicion::LastingTimeouts
        } else {
            Suspicion::Timeout
        })
    }

    /// Records whether the broker blocks publishers: another connection would be blocked too.
    pub(super) const fn set_blocked(&mut self, blocked: bool) {
        self.blocked = blocked;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[test]
    fn many_refusals_in_a_row_raise_a_suspicion() {
        let mut liveness = Liveness::new();
        for positive in [true, false] {
            liveness.confirmed(positive);
        }
        liveness.confirmed(true);
        for _ in 1..REFUSALS_IN_A_ROW {
            assert_eq!(liveness.confirmed(false), None, "not enough in a row");
        }
        assert_eq!(liveness.confirmed(false), Some(Suspicion::Refusals));
    }

    #[tokio::test(start_paused = true)]
    async fn timeouts_raise_a_suspicion_at_once_and_another_if_they_last() {
        let mut liveness = Liveness::new();
        assert_eq!(liveness.timed_out(0), None);
        assert_eq!(liveness.timed_out(100), Some(Suspicion::Timeout));
        advance(LASTING).await;
        assert_eq!(liveness.timed_out(0), None, "nothing new");
        assert_eq!(liveness.timed_out(1), Some(Suspicion::LastingTimeouts));
        assert_eq!(liveness.confirmed(true), None);
        assert_eq!(liveness.timed_out(1), Some(Suspicion::Timeout));
    }

    #[test]
    fn a_broker_that_blocks_publishers_is_not_suspected() {
        let mut liveness = Liveness::new();
        liveness.set_blocked(true);
        for _ in 0..REFUSALS_IN_A_ROW {
            assert_eq!(liveness.confirmed(false), None);
            assert_eq!(liveness.timed_out(1), None);
        }
        liveness.set_blocked(false);
        assert_eq!(liveness.timed_out(1), Some(Suspicion::Timeout));
    }
}
