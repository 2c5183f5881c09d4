//! The states of the destinations of webhooks, and of URLs that throttle.

mod host;
mod url_state;
mod url_states;
mod wait_budget;
mod waiting;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::gauge;
use tidings_broker::WaitKey;
use tidings_domain::notification::MessageId;
use tokio::sync::Notify;
use tokio::time::Instant;
use url::Url;

use super::breaker::BreakerSettings;
use super::wait_keys::url_key;
use host::{Send, WebhookDestination};
use url_state::Admission;
use url_states::UrlStates;
use wait_budget::{WaitBudget, Window};

/// How long a message waits for a permit while the sends in progress are quick.
const PERMIT_TIMEOUT: Duration = Duration::from_millis(500);

/// Number of destinations in memory above which idle ones are removed.
const MAX_DESTINATIONS: usize = 10_000;

/// Minimum time between two removals of idle destinations.
const REMOVAL_INTERVAL: Duration = Duration::from_secs(10);

/// The states of the webhook destinations. Each has a circuit breaker and a limit of concurrent sends, so
/// that a destination that hangs does not delay messages to others. Many users may share a host and port, so
/// only the URL that asks for a pause is paused.
pub struct WebhookDestinations {
    breaker: BreakerSettings,
    /// Maximum number of concurrent sends to one destination.
    limit: usize,
    /// A destination counts as hanging if a send to it fails after this time.
    slow: Duration,
    state: Mutex<State>,
    permit_released: Notify,
}

struct State {
    hosts: HashMap<String, WebhookDestination>,
    /// The hosts with sends in progress.
    active: HashSet<String>,
    /// When idle destinations may be removed again: to look for them takes time.
    next_removal: Instant,
    urls: UrlStates,
    /// The messages of all URLs that return from the short wait queues.
    returns: WaitBudget,
    /// The probes of all URLs that throttle.
    probes: Window,
    /// The rows of messages that have to wait, read to see whether they still wait.
    row_reads: Window,
}

/// Why no message may be sent to a destination now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DestinationUnavailable {
    /// The circuit breaker is open.
    Down,
    /// The destination hangs, and another send is probing it.
    Hanging,
    /// The URL throttles. Nothing may be sent to it before this time.
    Paused(Instant),
    /// The maximum number of sends is in progress, and they take long.
    Busy,
}

/// Permission for one send. Dropped when the send has ended.
pub struct SendPermit {
    destinations: Arc<WebhookDestinations>,
    host: String,
    url: WaitKey,
    id: MessageId,
    send: Send,
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
        gauge!("tidings_webhook_urls_throttled").set(0.0);
        Self {
            breaker,
            limit: concurrency.div_ceil(2),
            slow: timeout / 2,
            state: Mutex::new(State {
                hosts: HashMap::new(),
                active: HashSet::new(),
                next_removal: Instant::now(),
                urls: UrlStates::new(breaker),
                returns: WaitBudget::new(),
                probes: Window::new(Duration::from_secs(1)),
                row_reads: Window::new(Duration::from_secs(1)),
            }),
            permit_released: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Acquires permission to send the message `id` to `url`. Waits up to `PERMIT_TIMEOUT` if the sends in
    /// progress are quick.
    ///
    /// # Errors
    ///
    /// Returns why the message must be deferred.
    pub async fn acquire(
        self: &Arc<Self>,
        url: &Url,
        id: MessageId,
    ) -> Result<SendPermit, DestinationUnavailable> {
        let deadline = Instant::now() + PERMIT_TIMEOUT;
        loop {
            let released = self.permit_released.notified();
            match self.try_acquire(url, id)? {
                Some(permit) => return Ok(permit),
                None if Instant::now() >= deadline => return Err(DestinationUnavailable::Busy),
                // After a notification or a timeout, the next iteration decides.
                None => drop(tokio::time::timeout_at(deadline, released).await),
            }
        }
    }

    /// Acquires permission like [`Self::acquire`], but does not wait.
    ///
    /// # Errors
    ///
    /// Returns why the message cannot be sent now.
    pub fn acquire_now(
        self: &Arc<Self>,
        url: &Url,
        id: MessageId,
    ) -> Result<SendPermit, DestinationUnavailable> {
        self.try_acquire(url, id)?
            .ok_or(DestinationUnavailable::Busy)
    }

    /// Returns `None` if a permit may become available soon.
    fn try_acquire(
        self: &Arc<Self>,
        url: &Url,
        id: MessageId,
    ) -> Result<Option<SendPermit>, DestinationUnavailable> {
        let (key, host) = (url_key(url), destination_key(url));
        let now = Instant::now();
        let mut state = self.lock();
        let acquired = state.try_acquire(key, &host, id, self, now);
        match &acquired {
            Ok(Some(_)) => {}
            // Another message may probe the URL.
            Ok(None) => {
                if let Some(url) = state.urls.get_mut(key) {
                    url.release(id);
                }
            }
            // Messages that come back are deferred without their rows.
            Err(_) => state.urls.get_or_insert(key, &host, now).release(id),
        }
        Ok(acquired?.map(|send| SendPermit {
            destinations: Arc::clone(self),
            host,
            url: key,
            id,
            send,
        }))
    }

    /// Pauses `url` for the duration that it asked for in the answer to a send that began at `started`.
    pub fn throttled(&self, url: &Url, started: Instant, pause: Duration) {
        let host = destination_key(url);
        self.update(&host, WebhookDestination::succeeded);
        let now = Instant::now();
        let mut state = self.lock();
        let url = state.urls.get_or_insert(url_key(url), &host, now);
        let is_new = !url.is_throttled();
        url.throttled(started, pause, now);
        if is_new {
            state.update_gauges();
        }
    }

    /// Records that the destination works: it answered a send that began at `started`, even if it did not
    /// accept the message.
    pub fn succeeded(&self, url: &Url, started: Instant) {
        self.update(&destination_key(url), WebhookDestination::succeeded);
        let mut state = self.lock();
        if let Some(url) = state.urls.get_mut(url_key(url)) {
            let was_throttled = url.is_throttled();
            url.succeeded(started, Instant::now());
            if was_throttled != url.is_throttled() {
                state.update_gauges();
            }
        }
    }

    /// Records a failure of the destination after `duration`. Returns whether the destination is down now.
    pub fn failed(&self, url: &Url, duration: Duration) -> bool {
        let host = destination_key(url);
        let is_down = self.update(&host, |destination| {
            destination.hangs = duration >= self.slow;
            destination.breaker.failed(Instant::now());
        });
        if is_down {
            let mut state = self.lock();
            state
                .urls
                .get_or_insert(url_key(url), &host, Instant::now());
        }
        is_down
    }

    fn update(&self, host: &str, change: impl FnOnce(&mut WebhookDestination)) -> bool {
        let mut state = self.lock();
        let Some(destination) = state.hosts.get_mut(host) else {
            return false;
        };
        let was_down = destination.is_down();
        change(destination);
        let is_down = destination.is_down();
        if was_down != is_down {
            state.update_gauges();
            tracing::warn!(down = is_down, "the state of a webhook destination changed");
        }
        is_down
    }

    /// Removes idle destinations and returns the number of destinations that are down.
    #[must_use]
    pub fn count_down(&self) -> usize {
        let mut state = self.lock();
        state.remove_idle(Instant::now());
        state.count_down()
    }
}

impl State {
    fn try_acquire(
        &mut self,
        key: WaitKey,
        host: &str,
        id: MessageId,
        settings: &WebhookDestinations,
        now: Instant,
    ) -> Result<Option<Send>, DestinationUnavailable> {
        let limit = settings.limit;
        let admission = self
            .urls
            .get(key)
            .map_or(Admission::Open, |url| url.admission(Some(id), now));
        if let Admission::Closed(until) = admission {
            return Err(DestinationUnavailable::Paused(until));
        }
        let send = Send {
            started: now,
            is_probe: admission == Admission::Probe,
        };
        if self.hosts.len() >= MAX_DESTINATIONS && now >= self.next_removal {
            self.next_removal = now + REMOVAL_INTERVAL;
            self.remove_idle(now);
        }
        let known = self.hosts.get(host);
        let is_doubtful = send.is_probe || known.is_none_or(WebhookDestination::may_hang);
        // All destinations that may hang, and all probes of URLs that throttle, share one half of the channel's
        // sends, so that the other half is free for the others.
        let doubtful = if is_doubtful {
            self.doubtful_sends()
        } else {
            Vec::new()
        };
        let destination = self
            .hosts
            .entry(host.to_owned())
            .or_insert_with(|| WebhookDestination::new(settings.breaker, now));
        destination.last_used = now;
        // Checked before the limits, so that no message waits for a permit to a destination that is down.
        if destination.down_until(now).is_some() {
            return Err(DestinationUnavailable::Down);
        }
        let half_is_full = is_doubtful && doubtful.len() >= limit;
        if half_is_full || destination.sends.len() >= destination.limit(limit) {
            let oldest = if half_is_full {
                doubtful.iter().min().copied()
            } else {
                destination.sends.first().map(|send| send.started)
            };
            let stuck = oldest.is_some_and(|started| now.duration_since(started) >= PERMIT_TIMEOUT);
            return match (destination.hangs, stuck) {
                (true, _) => Err(DestinationUnavailable::Hanging),
                (false, true) => Err(DestinationUnavailable::Busy),
                (false, false) => Ok(None),
            };
        }
        if !destination.breaker.admits(now) {
            return Err(DestinationUnavailable::Down);
        }
        if destination.sends.is_empty() {
            self.active.insert(host.to_owned());
        }
        destination.sends.push(send);
        if let Some(url) = self.urls.get_mut(key).filter(|_| send.is_probe) {
            url.reserve(id, now);
            url.probe_sent(now);
        }
        Ok(Some(send))
    }

    /// The start of each send that may hang, or that probes a URL that throttles.
    fn doubtful_sends(&self) -> Vec<Instant> {
        let active = self.active.iter().filter_map(|host| self.hosts.get(host));
        active
            .flat_map(WebhookDestination::doubtful_sends)
            .collect()
    }

    fn remove_idle(&mut self, now: Instant) {
        self.hosts
            .retain(|_, destination| !destination.is_idle(now));
        self.update_gauges();
    }

    fn update_gauges(&self) {
        let gauge_value = |count| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        gauge!("tidings_webhook_destinations_away").set(gauge_value(self.count_down()));
        gauge!("tidings_webhook_urls_throttled").set(gauge_value(self.urls.count_throttled()));
    }

    fn count_down(&self) -> usize {
        let down = self.hosts.values();
        down.filter(|destination| destination.is_down()).count()
    }
}

impl Drop for SendPermit {
    fn drop(&mut self) {
        let mut guard = self.destinations.lock();
        let state = &mut *guard;
        if let Some(destination) = state.hosts.get_mut(&self.host) {
            let sends = &mut destination.sends;
            let position = sends.iter().position(|send| *send == self.send);
            position.map(|position| sends.remove(position));
            if sends.is_empty() {
                state.active.remove(&self.host);
            }
        }
        if let Some(url) = state.urls.get_mut(self.url) {
            url.release(self.id);
        }
        drop(guard);
        self.destinations.permit_released.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
