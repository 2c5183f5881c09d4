use std::time::Duration;

use tokio::time::Instant;

use super::PERMIT_TIMEOUT;
use super::long_sends::LONG_AFTER;
use super::wait_budget::Window;
use crate::delivery::breaker::{Breaker, BreakerSettings};

/// A destination without sends for this long is idle. Longer than the longest interval between two probes.
const IDLE_AFTER: Duration = Duration::from_hours(1);

/// Maximum number of concurrent sends to a destination that has not answered yet, as long as all of them are new.
const UNPROVEN_LIMIT: usize = 2;

/// Maximum number of throttled URLs of one destination that are probed in a second.
const PROBES_PER_SECOND: u32 = 16;

/// A host and port that webhooks are sent to.
pub(super) struct WebhookDestination {
    pub(super) breaker: Breaker,
    /// The sends in progress, oldest first.
    pub(super) sends: Vec<Send>,
    /// The last send failed after so long that the destination counts as hanging.
    pub(super) hangs: bool,
    /// The destination has answered before.
    pub(super) proven: bool,
    pub(super) last_used: Instant,
    probes: Window,
}

/// A send in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Send {
    pub(super) started: Instant,
    /// Whether the send probes a URL that throttles.
    pub(super) is_probe: bool,
    /// Whether the destination hung when the send began.
    pub(super) to_hanging: bool,
    /// Whether the send counts among the long sends, and no longer among those of the channel.
    pub(super) is_long: bool,
}

impl WebhookDestination {
    pub(super) const fn new(breaker: BreakerSettings, now: Instant) -> Self {
        Self {
            breaker: Breaker::new(breaker),
            sends: Vec::new(),
            hangs: false,
            proven: false,
            last_used: now,
            probes: Window::new(Duration::from_secs(1)),
        }
    }

    pub(super) fn is_down(&self) -> bool {
        self.breaker.open_since().is_some()
    }

    /// Whether a send may hang: the destination hangs, is down, or has not answered yet.
    pub(super) fn may_hang(&self) -> bool {
        self.hangs || !self.proven || self.is_down()
    }

    /// The start of each send that may hang, or that probes a URL that throttles, without the long sends.
    pub(super) fn doubtful_sends(&self) -> impl Iterator<Item = Instant> {
        let all = self.may_hang();
        let short = self.sends.iter().filter(|send| !send.is_long);
        let doubtful = short.filter(move |send| all || send.is_probe);
        doubtful.map(|send| send.started)
    }

    /// Whether a send in progress counts among those of the channel.
    pub(super) fn uses_channel(&self) -> bool {
        self.sends.iter().any(|send| !send.is_long)
    }

    /// Records that a send counts among the long sends.
    pub(super) fn lengthen(&mut self, send: Send) {
        if let Some(send) = self.sends.iter_mut().find(|one| **one == send) {
            send.is_long = true;
        }
    }

    /// Removes a send that has ended.
    pub(super) fn remove(&mut self, send: Send) {
        let position = self.sends.iter().position(|one| *one == send);
        position.map(|position| self.sends.remove(position));
    }

    pub(super) fn is_idle(&self, now: Instant) -> bool {
        self.sends.is_empty() && now.duration_since(self.last_used) >= IDLE_AFTER
    }

    /// Maximum number of concurrent sends now. A destination that has never answered and keeps a send waiting gets no
    /// second one.
    pub(super) fn limit(&self, channel_limit: usize, now: Instant) -> usize {
        let waits = |send: &Send| now.duration_since(send.started) >= LONG_AFTER;
        match (self.hangs, self.proven) {
            (true, _) => 1,
            (false, false) if self.sends.iter().any(waits) => 1,
            (false, false) => UNPROVEN_LIMIT.min(channel_limit),
            (false, true) => channel_limit,
        }
    }

    /// Records that the destination works.
    pub(super) const fn succeeded(&mut self) {
        self.hangs = false;
        self.proven = true;
        self.breaker.succeeded();
    }

    /// When the next probe is admitted, if the destination is down and admits none now.
    pub(super) fn down_until(&self, now: Instant) -> Option<Instant> {
        self.breaker.probe_at().filter(|time| *time > now)
    }

    /// Whether a send would be refused now, and not only wait a little: the destination is down, or its sends in
    /// progress are as many as it may have and take long.
    pub(super) fn is_closed(&self, channel_limit: usize, now: Instant) -> bool {
        let is_slow = |send: &Send| now.duration_since(send.started) >= PERMIT_TIMEOUT;
        let is_full = self.sends.len() >= self.limit(channel_limit, now);
        self.down_until(now).is_some()
            || is_full && (self.hangs || self.sends.first().is_some_and(is_slow))
    }

    /// Counts a probe of a throttled URL. Returns `false` if there are enough of them in this second.
    pub(super) fn take_probe(&mut self, now: Instant) -> bool {
        let has_room = self.probes.count(now) < PROBES_PER_SECOND;
        if has_room {
            self.probes.add(now);
        }
        has_room
    }
}
