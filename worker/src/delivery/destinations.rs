use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::gauge;
use tokio::sync::Notify;
use tokio::time::Instant;
use url::Url;

use super::breaker::{Breaker, BreakerSettings};

/// How long a message waits for room at a destination while those before it are quick.
const WAIT_FOR_ROOM: Duration = Duration::from_millis(500);

/// So many destinations are remembered before those are forgotten that need not be.
const MOST_KNOWN: usize = 10_000;

/// A destination that nobody sends to is forgotten after this time, longer than the longest time between
/// two probes.
const FORGOTTEN: Duration = Duration::from_hours(1);

/// The sends at once to a destination that has not answered yet.
const UNPROVEN_ROOM: usize = 2;

/// What webhooks know of their destinations (host and port): which are away, and how much of the
/// channel each takes, so that one that hangs does not hold up the others.
pub struct Destinations {
    breaker: BreakerSettings,
    /// The sends to one destination at once, at most.
    room: usize,
    /// How long a request takes that hangs.
    slow: Duration,
    known: Mutex<HashMap<String, Destination>>,
    /// Until when receivers asked for patience, by URL: many may share a host and port, and nobody else
    /// waits.
    asked: Mutex<HashMap<String, Instant>>,
    freed: Notify,
}

struct Destination {
    breaker: Breaker,
    /// When each of the sends under way was begun, the oldest first.
    under_way: Vec<Instant>,
    /// The last answer took as long as we wait for one.
    hangs: bool,
    /// It has answered before.
    proven: bool,
    /// When it was last sent to.
    used_at: Instant,
}

impl Destination {
    const fn new(breaker: BreakerSettings, now: Instant) -> Self {
        Self {
            breaker: Breaker::new(breaker),
            under_way: Vec::new(),
            hangs: false,
            proven: false,
            used_at: now,
        }
    }

    /// Whether it may take as long as we wait: it does, or nobody knows yet.
    fn is_doubtful(&self) -> bool {
        self.hangs || !self.proven || self.breaker.open_since().is_some()
    }

    /// Whether it must not be forgotten now: somebody is being sent to, or was lately.
    fn is_needed(&self, now: Instant) -> bool {
        !self.under_way.is_empty() || now.duration_since(self.used_at) < FORGOTTEN
    }
}

/// Why a message is not sent to its destination now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The breaker is open.
    Away,
    /// It hangs: one message at a time finds out whether it still does.
    Hanging,
    /// It asked for patience.
    Asked(Instant),
    /// As many sends as it may take are under way, and they take long.
    Crowded,
}

/// Room for one send; dropped when it has ended.
pub struct Room {
    destinations: Arc<Destinations>,
    key: String,
    begun: Instant,
}

/// A destination's name: host and port.
#[must_use]
pub fn key(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{host}:{port}")
}

impl Destinations {
    /// `concurrency` is how many sends the channel makes at once: one destination takes at most half of
    /// them. `timeout` is how long a send may take.
    #[must_use]
    pub fn new(breaker: BreakerSettings, concurrency: usize, timeout: Duration) -> Self {
        gauge!("tidings_webhook_destinations_away").set(0.0);
        Self {
            breaker,
            room: concurrency.div_ceil(2),
            slow: timeout / 2,
            known: Mutex::default(),
            asked: Mutex::default(),
            freed: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Destination>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for a send to `url`, waiting a moment for it where those before are quick.
    ///
    /// # Errors
    ///
    /// Where it must be deferred.
    pub async fn enter(self: &Arc<Self>, url: &Url) -> Result<Room, Refused> {
        if let Some(until) = self.asked_until(url) {
            return Err(Refused::Asked(until));
        }
        let key = key(url);
        let give_up = Instant::now() + WAIT_FOR_ROOM;
        loop {
            let freed = self.freed.notified();
            match self.try_enter(&key)? {
                Some(room) => return Ok(room),
                None if Instant::now() >= give_up => return Err(Refused::Crowded),
                // Woken or not: the next round decides.
                None => drop(tokio::time::timeout_at(give_up, freed).await),
            }
        }
    }

    /// `None` where there is no room at this moment.
    fn try_enter(self: &Arc<Self>, key: &str) -> Result<Option<Room>, Refused> {
        let now = Instant::now();
        let mut known = self.lock();
        if known.len() >= MOST_KNOWN {
            known.retain(|_, destination| destination.is_needed(now));
            show_away(&known);
        }
        // All that may hang share one half of the channel, so that the other half is never held up.
        let doubtful = known
            .values()
            .filter(|destination| destination.is_doubtful());
        let doubts: Vec<Instant> = doubtful
            .flat_map(|one| one.under_way.iter().copied())
            .collect();
        let destination = known
            .entry(key.to_owned())
            .or_insert_with(|| Destination::new(self.breaker, now));
        destination.used_at = now;
        // Before there is room or not: nobody waits for room where none may go.
        if destination
            .breaker
            .probe_at()
            .is_some_and(|time| time > now)
        {
            return Err(Refused::Away);
        }
        let room = match (destination.hangs, destination.proven) {
            (true, _) => 1,
            (false, false) => UNPROVEN_ROOM.min(self.room),
            (false, true) => self.room,
        };
        let full = destination.is_doubtful() && doubts.len() >= self.room;
        if full || destination.under_way.len() >= room {
            let before = if full {
                doubts.iter().min()
            } else {
                destination.under_way.first()
            };
            let stuck = before.is_some_and(|begun| now.duration_since(*begun) >= WAIT_FOR_ROOM);
            return match (destination.hangs, stuck) {
                (true, _) => Err(Refused::Hanging),
                (false, true) => Err(Refused::Crowded),
                (false, false) => Ok(None),
            };
        }
        if !destination.breaker.admits(now) {
            return Err(Refused::Away);
        }
        destination.under_way.push(now);
        Ok(Some(Room {
            destinations: Arc::clone(self),
            key: key.to_owned(),
            begun: now,
        }))
    }

    /// Notes that the receiver at `url` asked for patience, for `pause`.
    pub fn asked_for_patience(&self, url: &Url, pause: Duration) {
        self.succeeded(&key(url));
        let now = Instant::now();
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.retain(|_, until| *until > now);
        asked.insert(url.to_string(), now + pause);
    }

    fn asked_until(&self, url: &Url) -> Option<Instant> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let until = asked.get(url.as_str()).copied();
        until.filter(|until| *until > Instant::now())
    }

    /// Notes that the destination answered: it is there, whatever it said.
    pub fn succeeded(&self, key: &str) {
        self.note(key, |destination| {
            destination.hangs = false;
            destination.proven = true;
            destination.breaker.succeeded();
        });
    }

    /// Notes a failure that is the destination's, after `took`. Returns whether it counts as away now.
    pub fn failed(&self, key: &str, took: Duration) -> bool {
        self.note(key, |destination| {
            destination.hangs = took >= self.slow;
            destination.breaker.failed(Instant::now());
        })
    }

    fn note(&self, key: &str, change: impl FnOnce(&mut Destination)) -> bool {
        let mut known = self.lock();
        let Some(destination) = known.get_mut(key) else {
            return false;
        };
        let was = destination.breaker.open_since().is_some();
        change(destination);
        let is = destination.breaker.open_since().is_some();
        if was != is {
            show_away(&known);
            tracing::warn!(away = is, "a webhook destination changed its state");
        }
        is
    }

    /// How many destinations are away. Those that nobody has sent to for long are forgotten.
    #[must_use]
    pub fn away(&self) -> usize {
        let now = Instant::now();
        let mut known = self.lock();
        known.retain(|_, destination| destination.is_needed(now));
        show_away(&known);
        count_away(&known)
    }
}

fn show_away(known: &HashMap<String, Destination>) {
    let count = u32::try_from(count_away(known)).unwrap_or(u32::MAX);
    gauge!("tidings_webhook_destinations_away").set(f64::from(count));
}

fn count_away(known: &HashMap<String, Destination>) -> usize {
    let away = |destination: &&Destination| destination.breaker.open_since().is_some();
    known.values().filter(away).count()
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut known = self.destinations.lock();
        if let Some(destination) = known.get_mut(&self.key) {
            let rooms = &mut destination.under_way;
            let place = rooms.iter().position(|begun| *begun == self.begun);
            place.map(|place| rooms.remove(place));
        }
        drop(known);
        self.destinations.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
