//! Decides about messages that wait, without their rows.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tidings_broker::{WaitKey, WaitTime, WaitsFor};
use tidings_domain::notification::MessageId;
use tokio::time::Instant;

use super::url_state::{Admission, first_wait};
use super::wait_budget::choose;
use super::{State, WebhookDestinations};

/// The row of a message that waits is read now and then, because the notification may have been cancelled, its user
/// may have other endpoints, or it may have waited for too long. This is the shortest time between two reads, if
/// few messages wait.
const MIN_ROW_READ_INTERVAL: SignedDuration = SignedDuration::from_secs(5);

/// The longest time between two reads, however many messages wait.
const MAX_ROW_READ_INTERVAL: SignedDuration = SignedDuration::from_mins(15);

/// Maximum number of rows that are read in a second for messages that have to wait, unless the longest time has
/// passed.
const ROW_READS_PER_SECOND: u32 = 16;

/// Maximum number of messages to all URLs that return from each short wait queue in a second.
const RETURNS_PER_SECOND: u32 = 256;

/// Maximum number of throttled URLs that this worker probes in a second.
const PROBES_PER_SECOND: u32 = 64;

/// How a message waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The wait queue.
    pub wait: WaitTime,
    /// The end of the pause that the destination asked for.
    pub not_before: Option<Timestamp>,
    /// What the message waits for.
    pub waits_for: WaitsFor,
}

impl WebhookDestinations {
    /// Returns how the message `id` waits if it cannot be sent now, as far as is known without its row. `None` if its
    /// row must be read. If the message may probe URLs that throttle, they are reserved for it.
    pub fn waiting(
        &self,
        id: MessageId,
        waits_for: Option<WaitsFor>,
        not_before: Option<Timestamp>,
    ) -> Option<Waiting> {
        let time = Timestamp::now();
        let not_before = not_before.filter(|not_before| *not_before > time);
        let mut waits_for = waits_for.unwrap_or_default();
        let now = Instant::now();
        let mut state = self.lock();
        let keys = waits_for.keys.iter();
        let keys: Vec<WaitKey> = keys.flat_map(|key| state.urls.urls_of(*key, now)).collect();
        if not_before.is_none() {
            let age = waits_for
                .row_read_at
                .map(|read_at| time.duration_since(read_at));
            if !state.all_closed(id, &keys, self.limit, now) || state.must_read_row(age, now) {
                return None;
            }
            waits_for.row_read_at.get_or_insert(time);
        }
        waits_for.keys = keys;
        Some(state.wait(waits_for, not_before, WaitTime::Second, now))
    }

    /// Chooses how long a message waits whose row has been read. `at_least` and `not_before` are the minimum.
    pub fn wait(
        &self,
        keys: Vec<WaitKey>,
        not_before: Option<Timestamp>,
        at_least: WaitTime,
    ) -> Waiting {
        let waits_for = WaitsFor {
            keys,
            row_read_at: Some(Timestamp::now()),
        };
        let mut state = self.lock();
        state.wait(waits_for, not_before, at_least, Instant::now())
    }

    /// Remembers that all endpoints of a user, which are the URLs of `keys`, have to wait.
    pub fn remember_route(&self, route: WaitKey, keys: &[WaitKey]) {
        if keys != [route] {
            let mut state = self.lock();
            let now = Instant::now();
            state.urls.remember_route(route, keys.to_vec(), now);
        }
    }
}

impl State {
    /// Whether the message `id` can be sent to none of these URLs now. Reserves those that it may probe.
    fn all_closed(&mut self, id: MessageId, keys: &[WaitKey], limit: usize, now: Instant) -> bool {
        let mut all_closed = !keys.is_empty();
        for key in keys {
            let Some(url) = self.urls.get(*key) else {
                return false;
            };
            let Some(host) = self.hosts.get_mut(&url.host) else {
                return false;
            };
            if host.is_closed(limit, now) {
                continue;
            }
            match url.admission(Some(id), now) {
                Admission::Closed(_) => {}
                Admission::Open => return false,
                Admission::Probe => {
                    let has_room = self.probes.count(now) < PROBES_PER_SECOND;
                    if has_room && host.take_probe(now) {
                        self.probes.add(now);
                        if let Some(url) = self.urls.get_mut(*key) {
                            url.reserve(id, now);
                        }
                        all_closed = false;
                    }
                }
            }
        }
        all_closed
    }

    /// Whether to read the row of a message that has to wait. `age` is the time since the last read; `None` before the
    /// first.
    fn must_read_row(&mut self, age: Option<SignedDuration>, now: Instant) -> bool {
        if age.is_some_and(|age| age >= MAX_ROW_READ_INTERVAL) {
            return true;
        }
        let reads = age.is_none_or(|age| age >= MIN_ROW_READ_INTERVAL)
            && self.row_reads.count(now) < ROW_READS_PER_SECOND;
        if reads {
            self.row_reads.add(now);
        }
        reads
    }

    /// When the URL admits a message at the earliest; `None` if nothing is known about the URL. Also returns
    /// whether its destination is down or hangs.
    fn next_send(&self, key: WaitKey, now: Instant) -> Option<(Instant, bool)> {
        let url = self.urls.get(key)?;
        let host = self.hosts.get(&url.host);
        let next = match url.admission(None, now) {
            Admission::Closed(until) => until,
            Admission::Open | Admission::Probe => now,
        };
        Some((next, host.is_some_and(|host| host.is_down() || host.hangs)))
    }

    fn wait(
        &mut self,
        waits_for: WaitsFor,
        not_before: Option<Timestamp>,
        at_least: WaitTime,
        now: Instant,
    ) -> Waiting {
        let keys = waits_for.keys.iter();
        let next = keys.filter_map(|key| Some((self.next_send(*key, now)?, *key)));
        let next = next.min_by_key(|((time, _), _)| *time);
        let url = next.and_then(|(_, key)| self.urls.get_mut(key));
        let paused_until = url.as_ref().and_then(|url| url.paused_until(now));
        let not_before = not_before.or_else(|| paused_until.map(|until| timestamp(until, now)));
        let mut delay = not_before.map_or(Duration::ZERO, remaining);
        let mut at_least = at_least;
        if let Some(((time, is_down), _)) = next {
            delay = delay.max(time - now);
            if is_down {
                at_least = at_least.max(WaitTime::HalfMinute);
            }
        }
        let mut budgets = vec![(&mut self.returns, RETURNS_PER_SECOND)];
        let mut waited = Duration::ZERO;
        if let Some(url) = url {
            let per_second;
            (waited, per_second) = url.wait(now);
            budgets.push((&mut url.budget, per_second));
        }
        let first = first_wait(delay, waited).max(at_least);
        Waiting {
            wait: choose(first, &mut budgets, now),
            not_before,
            waits_for,
        }
    }
}

fn timestamp(time: Instant, now: Instant) -> Timestamp {
    Timestamp::now() + SignedDuration::try_from(time - now).unwrap_or_default()
}

fn remaining(time: Timestamp) -> Duration {
    Duration::try_from(time.duration_since(Timestamp::now())).unwrap_or_default()
}
