use std::time::Duration;

use tidings_broker::WaitTime;
use tidings_domain::notification::MessageId;
use tokio::time::Instant;

use super::wait_budget::{WaitBudget, Window};
use crate::delivery::breaker::{Breaker, BreakerSettings};

/// How long a URL is reserved for a message that probes it and does not end its send.
const MAX_PROBE: Duration = Duration::from_secs(30);

/// When a message looks again for a URL that another message probes.
const PROBE_RETRY: Duration = Duration::from_secs(1);

/// Maximum number of messages of one URL that return from a short wait queue in a second, by how long the URL has
/// accepted nothing.
const RETURNS_PER_SECOND: [(Duration, u32); 3] = [
    (Duration::from_secs(30), 64),
    (Duration::from_mins(1), 16),
    (Duration::from_mins(2), 4),
];

/// While a URL accepts some messages, enough return to use what it accepts, although they wait in clumps.
const RETURNS_PER_SUCCESS: u32 = 32;

/// Maximum of the number that [`RETURNS_PER_SUCCESS`] leads to.
const MAX_RETURNS_PER_SECOND: u32 = 256;

/// The period over which successes are counted.
const SUCCESS_WINDOW: Duration = Duration::from_secs(5);

/// A URL that throttles, or to which messages wait.
pub(super) struct UrlState {
    /// Its host and port.
    pub(super) host: String,
    /// Counts consecutive answers 429. Concurrent ones count once.
    breaker: Breaker,
    throttle: Option<Throttle>,
    /// Since when messages wait without a success.
    waiting_since: Option<Instant>,
    successes: Window,
    pub(super) budget: WaitBudget,
    pub(super) last_used: Instant,
}

/// The URL has asked for a pause and accepted nothing since.
#[derive(Clone, Copy)]
struct Throttle {
    /// When the last 429 arrived.
    at: Instant,
    /// The end of the requested pause.
    until: Instant,
    /// The message that may be sent, and until when no other may.
    probe: Option<(MessageId, Instant)>,
}

/// Whether a message may be sent to a URL now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// Yes.
    Open,
    /// Only as the probe of the URL.
    Probe,
    /// Not before this time.
    Closed(Instant),
}

impl UrlState {
    pub(super) const fn new(host: String, breaker: BreakerSettings, now: Instant) -> Self {
        Self {
            host,
            breaker: Breaker::new(breaker),
            throttle: None,
            waiting_since: None,
            successes: Window::new(SUCCESS_WINDOW),
            budget: WaitBudget::new(),
            last_used: now,
        }
    }

    pub(super) const fn is_throttled(&self) -> bool {
        self.throttle.is_some()
    }

    /// Records a 429 to a send that began at `started`. The URL gets nothing for `pause`, or longer if its breaker is
    /// open.
    pub(super) fn throttled(&mut self, started: Instant, pause: Duration, now: Instant) {
        let earlier = self.throttle;
        // Sends that were in progress together get one verdict.
        if earlier.is_none_or(|throttle| started > throttle.at) {
            self.breaker.failed(now);
        }
        let until = earlier.map_or(now, |throttle| throttle.until);
        self.throttle = Some(Throttle {
            at: now,
            until: until.max(now + pause),
            probe: None,
        });
        self.waiting_since.get_or_insert(now);
    }

    /// Records an answer other than 429 to a send that began at `started`. A send that began before the last 429 does
    /// not end the pause.
    pub(super) fn succeeded(&mut self, started: Instant, now: Instant) {
        self.successes.add(now);
        if self.throttle.is_none_or(|throttle| started > throttle.at) {
            self.throttle = None;
            self.breaker.succeeded();
            self.waiting_since = None;
        }
    }

    /// Whether the message `id`, or else any message, may be sent.
    pub(super) fn admission(&self, id: Option<MessageId>, now: Instant) -> Admission {
        let Some(throttle) = self.throttle else {
            return Admission::Open;
        };
        let next = self
            .breaker
            .probe_at()
            .map_or(throttle.until, |probe_at| probe_at.max(throttle.until));
        match throttle.probe {
            _ if next > now => Admission::Closed(next),
            Some((probe, until)) if Some(probe) != id && until > now => {
                Admission::Closed(until.min(now + PROBE_RETRY))
            }
            _ => Admission::Probe,
        }
    }

    /// Reserves the URL for the message `id`, which probes it.
    pub(super) fn reserve(&mut self, id: MessageId, now: Instant) {
        if let Some(throttle) = &mut self.throttle {
            throttle.probe = Some((id, now + MAX_PROBE));
        }
    }

    /// Ends the reservation of the message `id`, if it has one.
    pub(super) fn release(&mut self, id: MessageId) {
        if let Some(throttle) = &mut self.throttle {
            throttle.probe = throttle.probe.filter(|(probe, _)| *probe != id);
        }
    }

    /// Records that the probe is sent.
    pub(super) fn probe_sent(&mut self, now: Instant) {
        self.breaker.admits(now);
    }

    /// The end of the pause that the URL asked for, if it is not over.
    pub(super) fn paused_until(&self, now: Instant) -> Option<Instant> {
        self.throttle
            .map(|throttle| throttle.until)
            .filter(|until| *until > now)
    }

    /// Records that a message waits for the URL. Returns how long messages have waited without a success, and how
    /// many of them may return from each short wait queue in a second.
    pub(super) fn wait(&mut self, now: Instant) -> (Duration, u32) {
        self.last_used = now;
        let waited = now - *self.waiting_since.get_or_insert(now);
        let by_time = RETURNS_PER_SECOND
            .iter()
            .find(|(limit, _)| waited < *limit)
            .map_or(1, |(_, returns)| *returns);
        let window = u32::try_from(SUCCESS_WINDOW.as_secs()).unwrap_or(u32::MAX);
        let by_success = self
            .successes
            .recent(now)
            .saturating_mul(RETURNS_PER_SUCCESS)
            / window;
        (waited, by_time.max(by_success.min(MAX_RETURNS_PER_SECOND)))
    }
}

/// The wait queue for a message that may be sent in `delay` at the earliest, and whose destination has accepted
/// nothing for `waited`.
///
/// The time of a message that has just begun to wait is kept closely, in many short steps. After a while, no message
/// takes more than a few steps, and therefore may come back late.
pub(super) fn first_wait(delay: Duration, waited: Duration) -> WaitTime {
    const PRECISE_FOR: Duration = Duration::from_mins(1);
    const MAX_STEPS: u32 = 4;
    let precise = WaitTime::at_most(delay);
    if waited < PRECISE_FOR || delay <= precise.duration() * MAX_STEPS {
        return precise;
    }
    let longer = WaitTime::ALL.into_iter().find(|wait| *wait > precise);
    longer.unwrap_or(WaitTime::FiveMinutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn state(now: Instant) -> UrlState {
        let breaker = BreakerSettings {
            failures: 3,
            probe_after: Duration::from_secs(15),
            failing_for: None,
        };
        UrlState::new("a.example:443".to_owned(), breaker, now)
    }

    fn id() -> MessageId {
        MessageId::generate()
    }

    #[test]
    fn one_message_probes_a_throttled_url() {
        let start = Instant::now();
        let mut url = state(start);
        let (one, other) = (id(), id());
        assert_eq!(url.admission(Some(one), start), Admission::Open);
        url.throttled(start, SECOND, start);
        let end = start + SECOND;
        assert_eq!(url.admission(Some(one), start), Admission::Closed(end));
        assert_eq!(url.admission(Some(one), end), Admission::Probe);
        url.reserve(one, end);
        assert_eq!(url.admission(Some(one), end), Admission::Probe);
        assert_eq!(
            url.admission(Some(other), end),
            Admission::Closed(end + SECOND)
        );
        url.release(other);
        assert_eq!(
            url.admission(Some(other), end),
            Admission::Closed(end + SECOND)
        );
        url.release(one);
        assert_eq!(url.admission(Some(other), end), Admission::Probe);
        url.succeeded(end, end);
        assert_eq!(url.admission(Some(other), end), Admission::Open);
    }

    #[test]
    fn a_probe_that_never_ends_is_replaced() {
        let start = Instant::now();
        let mut url = state(start);
        url.throttled(start, SECOND, start);
        url.reserve(id(), start + SECOND);
        let later = start + SECOND + MAX_PROBE;
        assert_eq!(url.admission(None, later), Admission::Probe);
    }

    #[test]
    fn answers_to_sends_from_before_a_429_neither_end_the_pause_nor_count_again() {
        let start = Instant::now();
        let mut url = state(start);
        let later = |secs| start + SECOND * secs;
        url.throttled(start, SECOND * 10, later(1));
        for _ in 0..10 {
            url.throttled(start, SECOND, later(2));
        }
        url.succeeded(start, later(3));
        assert_eq!(url.admission(None, later(3)), Admission::Closed(later(11)));
        assert_eq!(url.admission(None, later(11)), Admission::Probe);
    }

    #[test]
    fn consecutive_429s_open_the_breaker_and_a_success_closes_it() {
        let start = Instant::now();
        let mut url = state(start);
        let mut now = start;
        for _ in 0..3 {
            url.throttled(now, SECOND, now);
            now += SECOND;
        }
        assert_eq!(
            url.admission(None, now),
            Admission::Closed(now + SECOND * 14)
        );
        now += SECOND * 14;
        url.probe_sent(now);
        url.throttled(now, SECOND, now);
        assert_eq!(
            url.admission(None, now),
            Admission::Closed(now + SECOND * 30)
        );
        url.succeeded(now + SECOND, now + SECOND);
        assert_eq!(url.admission(None, now + SECOND), Admission::Open);
        url.throttled(now + SECOND * 2, SECOND, now + SECOND * 2);
        assert_eq!(
            url.admission(None, now + SECOND * 2),
            Admission::Closed(now + SECOND * 3)
        );
    }

    #[test]
    fn the_longer_a_url_accepts_nothing_the_fewer_messages_return_soon() {
        let start = Instant::now();
        let mut url = state(start);
        let mut returns = |secs| url.wait(start + SECOND * secs).1;
        assert_eq!(
            [0, 29, 30, 60, 120, 3600].map(&mut returns),
            [64, 64, 16, 4, 1, 1]
        );
        for _ in 0..20 {
            url.succeeded(start + SECOND * 3600, start + SECOND * 3600);
        }
        assert_eq!(url.wait(start + SECOND * 3601).1, 128);
    }

    #[test]
    fn a_message_that_has_waited_long_takes_few_steps() {
        let wait = |delay, waited| first_wait(SECOND * delay, SECOND * waited);
        assert_eq!(wait(15, 0), WaitTime::Second);
        assert_eq!(wait(15, 60), WaitTime::HalfMinute);
        assert_eq!(wait(4, 60), WaitTime::Second);
        assert_eq!(wait(100, 60), WaitTime::HalfMinute);
        assert_eq!(wait(299, 60), WaitTime::FiveMinutes);
        assert_eq!(wait(3600, 60), WaitTime::FiveMinutes);
    }
}
