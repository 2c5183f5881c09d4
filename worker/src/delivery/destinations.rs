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

/// So many destinations are remembered before those are forgotten that failed only now and then.
const MOST_KNOWN: usize = 10_000;

/// What webhooks know of their destinations (host and port): which are away, and how much of the
/// channel each takes, so that one that hangs does not hold up the others.
pub struct Destinations {
    breaker: BreakerSettings,
    /// The sends to one destination at once, at most.
    room: usize,
    /// How long a request takes that hangs.
    slow: Duration,
    known: Mutex<HashMap<String, Destination>>,
    freed: Notify,
}

struct Destination {
    breaker: Breaker,
    /// When each of the sends under way was begun, the oldest first.
    under_way: Vec<Instant>,
    /// The last answer took as long as we wait for one.
    hangs: bool,
}

impl Destination {
    /// Whether somebody is being sent to, or counts as away.
    fn is_troubled(&self) -> bool {
        !self.under_way.is_empty() || self.breaker.open_since().is_some()
    }
}

/// Why a message is not sent to its destination now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The breaker is open.
    Away,
    /// It hangs: one message at a time finds out whether it still does.
    Hanging,
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
            freed: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Destination>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for a send to the destination `key`, waiting a moment for it where those before are quick.
    ///
    /// # Errors
    ///
    /// Where it must be deferred.
    pub async fn enter(self: &Arc<Self>, key: &str) -> Result<Room, Refused> {
        let give_up = Instant::now() + WAIT_FOR_ROOM;
        loop {
            let freed = self.freed.notified();
            match self.try_enter(key)? {
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
            known.retain(|_, destination| destination.is_troubled());
        }
        let destination = known.entry(key.to_owned()).or_insert_with(|| Destination {
            breaker: Breaker::new(self.breaker),
            under_way: Vec::new(),
            hangs: false,
        });
        let room = if destination.hangs { 1 } else { self.room };
        if destination.under_way.len() >= room {
            let stuck = destination
                .under_way
                .first()
                .is_some_and(|begun| now.duration_since(*begun) >= WAIT_FOR_ROOM);
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

    /// Notes that the destination answered: it is there, whatever it said.
    pub fn succeeded(&self, key: &str) {
        self.note(key, |destination| {
            destination.hangs = false;
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
            let away = known.values().filter(|d| d.breaker.open_since().is_some());
            gauge!("tidings_webhook_destinations_away")
                .set(u32::try_from(away.count()).map_or(f64::INFINITY, f64::from));
            tracing::warn!(
                destination = key,
                away = is,
                "a webhook destination changed its state"
            );
        }
        is
    }

    /// How many destinations are away.
    #[must_use]
    pub fn away(&self) -> usize {
        let known = self.lock();
        known
            .values()
            .filter(|d| d.breaker.open_since().is_some())
            .count()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut known = self.destinations.lock();
        if let Some(destination) = known.get_mut(&self.key) {
            if let Some(place) = destination
                .under_way
                .iter()
                .position(|begun| *begun == self.begun)
            {
                destination.under_way.remove(place);
            }
            // What is as at the beginning need not be remembered: strangers name destinations.
            let forgettable = destination.under_way.is_empty()
                && !destination.hangs
                && destination.breaker.is_untroubled();
            if forgettable {
                known.remove(&self.key);
            }
        }
        drop(known);
        self.destinations.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(10);

    fn destinations() -> Arc<Destinations> {
        let settings = BreakerSettings {
            failures: 2,
            probe_after: Duration::from_secs(15),
        };
        Arc::new(Destinations::new(settings, 4, TIMEOUT))
    }

    async fn fail(destinations: &Arc<Destinations>, key: &str, took: Duration) -> bool {
        let room = destinations.enter(key).await.expect("room");
        let away = destinations.failed(key, took);
        drop(room);
        away
    }

    #[test]
    fn a_destination_is_a_host_and_its_port() {
        let key = |url: &str| super::key(&Url::parse(url).expect("a URL"));
        assert_eq!(key("https://a.example/x?y"), "a.example:443");
        assert_eq!(key("http://a.example:8080/"), "a.example:8080");
        assert_eq!(key("https://[::1]/"), "[::1]:443");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_takes_long_gets_half_of_the_channel_and_the_others_the_rest() {
        let all = destinations();
        let _rooms = [
            all.enter("slow").await.expect("room"),
            all.enter("slow").await.expect("room"),
        ];
        let start = Instant::now();
        assert_eq!(all.enter("slow").await.err(), Some(Refused::Crowded));
        assert_eq!(start.elapsed(), WAIT_FOR_ROOM);
        assert_eq!(all.enter("slow").await.err(), Some(Refused::Crowded));
        assert_eq!(
            start.elapsed(),
            WAIT_FOR_ROOM,
            "at once, now that it is known to be slow"
        );
        assert!(all.enter("quick").await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_quick_one_gets_its_turn() {
        let all = destinations();
        let first = all.enter("quick").await.expect("room");
        let _second = all.enter("quick").await.expect("room");
        let (third, ()) = tokio::join!(all.enter("quick"), async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            drop(first);
        });
        assert!(third.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_hangs_gets_one_message_at_a_time() {
        let all = destinations();
        fail(&all, "hangs", TIMEOUT).await;
        let room = all.enter("hangs").await.expect("room for one");
        assert_eq!(all.enter("hangs").await.err(), Some(Refused::Hanging));
        all.succeeded("hangs");
        drop(room);
        let _rooms = [
            all.enter("hangs").await.expect("room"),
            all.enter("hangs").await.expect("room"),
        ];
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_away_gets_a_message_now_and_then_and_costs_the_others_nothing() {
        let all = destinations();
        assert!(!fail(&all, "down", Duration::ZERO).await);
        assert!(fail(&all, "down", Duration::ZERO).await);
        assert_eq!(all.away(), 1);
        assert_eq!(all.enter("down").await.err(), Some(Refused::Away));
        assert!(all.enter("up").await.is_ok());
        tokio::time::advance(Duration::from_secs(15)).await;
        let probe = all.enter("down").await.expect("the probe");
        assert_eq!(all.enter("down").await.err(), Some(Refused::Away));
        all.succeeded("down");
        drop(probe);
        assert_eq!(all.away(), 0);
        assert!(all.lock().is_empty(), "nothing to remember");
    }
}
