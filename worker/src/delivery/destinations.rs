use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::gauge;
use tokio::sync::Notify;
use tokio::time::Instant;
use url::Url;

use super::breaker::{Breaker, BreakerSettings};

/// How long a message waits for a permit while the sends in progress are quick.
const PERMIT_TIMEOUT: Duration = Duration::from_millis(500);

/// Number of destinations in memory above which idle ones are removed.
const MAX_DESTINATIONS: usize = 10_000;

/// A destination without sends for this long is idle. Longer than the longest interval between two probes.
const IDLE_AFTER: Duration = Duration::from_hours(1);

/// Maximum number of concurrent sends to a destination that has not answered yet.
const UNPROVEN_LIMIT: usize = 2;

/// The states of the webhook destinations. Each has a circuit breaker and a limit of concurrent sends, so
/// that a destination that hangs does not delay messages to others.
pub struct WebhookDestinations {
    breaker: BreakerSettings,
    /// Maximum number of concurrent sends to one destination.
    limit: usize,
    /// A destination counts as hanging if a send to it fails after this time.
    slow: Duration,
    destinations: Mutex<HashMap<String, WebhookDestination>>,
    /// The end of each requested pause, by URL. Many users may share a host and port, so only the URL that
    /// asked is paused.
    paused_until: Mutex<HashMap<String, Instant>>,
    permit_released: Notify,
}

/// A host and port that webhooks are sent to.
struct WebhookDestination {
    breaker: Breaker,
    /// Start of each send in progress, oldest first.
    sends: Vec<Instant>,
    /// The last send failed after so long that the destination counts as hanging.
    hangs: bool,
    /// The destination has answered before.
    proven: bool,
    last_used: Instant,
}

impl WebhookDestination {
    const fn new(breaker: BreakerSettings, now: Instant) -> Self {
        Self {
            breaker: Breaker::new(breaker),
            sends: Vec::new(),
            hangs: false,
            proven: false,
            last_used: now,
        }
    }

    fn is_down(&self) -> bool {
        self.breaker.open_since().is_some()
    }

    /// Whether a send may hang: the destination hangs, is down, or has not answered yet.
    fn may_hang(&self) -> bool {
        self.hangs || !self.proven || self.is_down()
    }

    fn is_idle(&self, now: Instant) -> bool {
        self.sends.is_empty() && now.duration_since(self.last_used) >= IDLE_AFTER
    }

    fn limit(&self, channel_limit: usize) -> usize {
        match (self.hangs, self.proven) {
            (true, _) => 1,
            (false, false) => UNPROVEN_LIMIT.min(channel_limit),
            (false, true) => channel_limit,
        }
    }
}

/// Why no message may be sent to a destination now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DestinationUnavailable {
    /// The circuit breaker is open.
    Down,
    /// The destination hangs, and another send is probing it.
    Hanging,
    /// The destination asked for a pause until this time.
    Paused(Instant),
    /// The maximum number of sends is in progress, and they take long.
    Busy,
}

/// Permission for one send. Dropped when the send has ended.
pub struct SendPermit {
    destinations: Arc<WebhookDestinations>,
    key: String,
    started: Instant,
}

/// The host and port of a URL.
#[must_use]
pub fn destination_key(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{host}:{port}")
}

impl WebhookDestinations {
    /// `concurrency` is the channel's maximum number of concurrent sends; one destination gets at most half of
    /// them. `timeout` is the maximum duration of a send.
    #[must_use]
    pub fn new(breaker: BreakerSettings, concurrency: usize, timeout: Duration) -> Self {
        gauge!("tidings_webhook_destinations_away").set(0.0);
        Self {
            breaker,
            limit: concurrency.div_ceil(2),
            slow: timeout / 2,
            destinations: Mutex::default(),
            paused_until: Mutex::default(),
            permit_released: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, WebhookDestination>> {
        self.destinations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Acquires permission for a send to `url`. Waits up to `PERMIT_TIMEOUT` if the sends in progress are
    /// quick.
    ///
    /// # Errors
    ///
    /// Returns why the message must be deferred.
    pub async fn acquire(
        self: &Arc<Self>,
        url: &Url,
    ) -> Result<SendPermit, DestinationUnavailable> {
        if let Some(until) = self.pause_of(url) {
            return Err(DestinationUnavailable::Paused(until));
        }
        let key = destination_key(url);
        let deadline = Instant::now() + PERMIT_TIMEOUT;
        loop {
            let released = self.permit_released.notified();
            match self.try_acquire(&key)? {
                Some(permit) => return Ok(permit),
                None if Instant::now() >= deadline => return Err(DestinationUnavailable::Busy),
                // After a notification or a timeout, the next iteration decides.
                None => drop(tokio::time::timeout_at(deadline, released).await),
            }
        }
    }

    /// Returns `None` if a permit may become available soon.
    fn try_acquire(
        self: &Arc<Self>,
        key: &str,
    ) -> Result<Option<SendPermit>, DestinationUnavailable> {
        let now = Instant::now();
        let mut destinations = self.lock();
        if destinations.len() >= MAX_DESTINATIONS {
            destinations.retain(|_, destination| !destination.is_idle(now));
            update_gauge(&destinations);
        }
        // All destinations that may hang share one half of the channel's sends, so that the other half is
        // free for the others.
        let possibly_hanging: Vec<Instant> = destinations
            .values()
            .filter(|destination| destination.may_hang())
            .flat_map(|destination| destination.sends.iter().copied())
            .collect();
        let destination = destinations
            .entry(key.to_owned())
            .or_insert_with(|| WebhookDestination::new(self.breaker, now));
        destination.last_used = now;
        // Checked before the limits, so that no message waits for a permit to a destination that is down.
        let probe_at = destination.breaker.probe_at();
        if probe_at.is_some_and(|time| time > now) {
            return Err(DestinationUnavailable::Down);
        }
        let half_is_full = destination.may_hang() && possibly_hanging.len() >= self.limit;
        if half_is_full || destination.sends.len() >= destination.limit(self.limit) {
            let oldest = if half_is_full {
                possibly_hanging.iter().min()
            } else {
                destination.sends.first()
            };
            let stuck =
                oldest.is_some_and(|started| now.duration_since(*started) >= PERMIT_TIMEOUT);
            return match (destination.hangs, stuck) {
                (true, _) => Err(DestinationUnavailable::Hanging),
                (false, true) => Err(DestinationUnavailable::Busy),
                (false, false) => Ok(None),
            };
        }
        if !destination.breaker.admits(now) {
            return Err(DestinationUnavailable::Down);
        }
        destination.sends.push(now);
        Ok(Some(SendPermit {
            destinations: Arc::clone(self),
            key: key.to_owned(),
            started: now,
        }))
    }

    /// Pauses `url` for the duration that its destination asked for.
    pub fn pause(&self, url: &Url, pause: Duration) {
        self.succeeded(&destination_key(url));
        let now = Instant::now();
        let mut paused = self.lock_pauses();
        paused.retain(|_, until| *until > now);
        paused.insert(url.to_string(), now + pause);
    }

    fn lock_pauses(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.paused_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn pause_of(&self, url: &Url) -> Option<Instant> {
        let until = self.lock_pauses().get(url.as_str()).copied();
        until.filter(|until| *until > Instant::now())
    }

    /// Records that the destination works: it answered, even if it did not accept the message.
    pub fn succeeded(&self, key: &str) {
        self.update(key, |destination| {
            destination.hangs = false;
            destination.proven = true;
            destination.breaker.succeeded();
        });
    }

    /// Records a failure of the destination after `duration`. Returns whether the destination is down now.
    pub fn failed(&self, key: &str, duration: Duration) -> bool {
        self.update(key, |destination| {
            destination.hangs = duration >= self.slow;
            destination.breaker.failed(Instant::now());
        })
    }

    fn update(&self, key: &str, change: impl FnOnce(&mut WebhookDestination)) -> bool {
        let mut destinations = self.lock();
        let Some(destination) = destinations.get_mut(key) else {
            return false;
        };
        let was_down = destination.is_down();
        change(destination);
        let is_down = destination.is_down();
        if was_down != is_down {
            update_gauge(&destinations);
            tracing::warn!(down = is_down, "the state of a webhook destination changed");
        }
        is_down
    }

    /// Removes idle destinations and returns the number of destinations that are down.
    #[must_use]
    pub fn count_down(&self) -> usize {
        let now = Instant::now();
        let mut destinations = self.lock();
        destinations.retain(|_, destination| !destination.is_idle(now));
        update_gauge(&destinations);
        count_down(&destinations)
    }
}

fn update_gauge(destinations: &HashMap<String, WebhookDestination>) {
    let count = u32::try_from(count_down(destinations)).unwrap_or(u32::MAX);
    gauge!("tidings_webhook_destinations_away").set(f64::from(count));
}

fn count_down(destinations: &HashMap<String, WebhookDestination>) -> usize {
    let down = destinations
        .values()
        .filter(|destination| destination.is_down());
    down.count()
}

impl Drop for SendPermit {
    fn drop(&mut self) {
        let mut destinations = self.destinations.lock();
        if let Some(destination) = destinations.get_mut(&self.key) {
            let sends = &mut destination.sends;
            let position = sends.iter().position(|started| *started == self.started);
            position.map(|position| sends.remove(position));
        }
        drop(destinations);
        self.destinations.permit_released.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
