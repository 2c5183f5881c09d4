//! How many messages may return from the short wait queues.

use std::time::Duration;

use tidings_broker::WaitTime;
use tokio::time::Instant;

/// Counts events in consecutive windows of a fixed length.
#[derive(Debug)]
pub(super) struct Window {
    length: Duration,
    started: Option<Instant>,
    count: u32,
    previous: u32,
}

impl Window {
    pub(super) const fn new(length: Duration) -> Self {
        Self {
            length,
            started: None,
            count: 0,
            previous: 0,
        }
    }

    fn advance(&mut self, now: Instant) {
        let age = self.started.map(|started| now.duration_since(started));
        match age {
            Some(age) if age < self.length => return,
            Some(age) if age < self.length * 2 => self.previous = self.count,
            _ => self.previous = 0,
        }
        (self.started, self.count) = (Some(now), 0);
    }

    /// The number of events in the current window.
    pub(super) fn count(&mut self, now: Instant) -> u32 {
        self.advance(now);
        self.count
    }

    /// The larger number of events of the current and the previous window.
    pub(super) fn recent(&mut self, now: Instant) -> u32 {
        self.advance(now);
        self.count.max(self.previous)
    }

    pub(super) fn add(&mut self, now: Instant) {
        self.advance(now);
        self.count = self.count.saturating_add(1);
    }
}

/// Limits the messages that return from each of the two short wait queues to a number per second. The others go to
/// the longest wait queue, so that thousands of waiting messages do not keep the channel busy.
#[derive(Debug)]
pub(super) struct WaitBudget {
    second: Window,
    half_minute: Window,
}

impl WaitBudget {
    pub(super) const fn new() -> Self {
        Self {
            second: Window::new(WaitTime::Second.duration()),
            half_minute: Window::new(WaitTime::HalfMinute.duration()),
        }
    }

    /// The messages in a wait queue; `None` for the longest one, which is not limited.
    const fn window(&mut self, wait: WaitTime) -> Option<&mut Window> {
        match wait {
            WaitTime::Second => Some(&mut self.second),
            WaitTime::HalfMinute => Some(&mut self.half_minute),
            WaitTime::FiveMinutes => None,
        }
    }

    fn has_room(&mut self, wait: WaitTime, per_second: u32, now: Instant) -> bool {
        let seconds = u32::try_from(wait.duration().as_secs()).unwrap_or(u32::MAX);
        self.window(wait)
            .is_none_or(|window| window.count(now) < per_second.saturating_mul(seconds))
    }

    fn take(&mut self, wait: WaitTime, now: Instant) {
        if let Some(window) = self.window(wait) {
            window.add(now);
        }
    }
}

/// Chooses the shortest wait queue, from `first` on, in which all budgets have room. Each budget has its limit of
/// messages per second.
pub(super) fn choose(
    first: WaitTime,
    budgets: &mut [(&mut WaitBudget, u32)],
    now: Instant,
) -> WaitTime {
    let mut candidates = WaitTime::ALL.into_iter().filter(|wait| *wait >= first);
    let chosen = candidates.find(|wait| {
        budgets
            .iter_mut()
            .all(|(budget, per_second)| budget.has_room(*wait, *per_second, now))
    });
    let chosen = chosen.unwrap_or(WaitTime::FiveMinutes);
    for (budget, _) in budgets {
        budget.take(chosen, now);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_beyond_the_budget_wait_longer() {
        let start = Instant::now();
        let (mut one, mut all) = (WaitBudget::new(), WaitBudget::new());
        let mut wait = |first, now| choose(first, &mut [(&mut one, 2), (&mut all, 3)], now);
        assert_eq!(wait(WaitTime::Second, start), WaitTime::Second);
        assert_eq!(wait(WaitTime::Second, start), WaitTime::Second);
        for _ in 0..60 {
            assert_eq!(wait(WaitTime::Second, start), WaitTime::HalfMinute);
        }
        assert_eq!(wait(WaitTime::Second, start), WaitTime::FiveMinutes);
        let later = start + Duration::from_secs(1);
        assert_eq!(wait(WaitTime::HalfMinute, later), WaitTime::FiveMinutes);
        assert_eq!(wait(WaitTime::Second, later), WaitTime::Second);
        let later = start + Duration::from_secs(30);
        assert_eq!(wait(WaitTime::HalfMinute, later), WaitTime::HalfMinute);
    }

    #[test]
    fn several_budgets_apply_together() {
        let now = Instant::now();
        let mut all = WaitBudget::new();
        let waits = [0, 1, 2].map(|_| {
            let mut one = WaitBudget::new();
            choose(WaitTime::Second, &mut [(&mut one, 1), (&mut all, 2)], now)
        });
        assert_eq!(
            waits,
            [WaitTime::Second, WaitTime::Second, WaitTime::HalfMinute]
        );
    }

    #[test]
    fn a_window_remembers_the_one_before() {
        let start = Instant::now();
        let later = |secs| start + Duration::from_secs(secs);
        let mut window = Window::new(Duration::from_secs(5));
        window.add(start);
        window.add(start);
        assert_eq!(window.recent(later(4)), 2);
        assert_eq!((window.recent(later(6)), window.count(later(6))), (2, 0));
        assert_eq!(window.recent(later(20)), 0);
    }
}
