//! The states of the destinations of webhooks, and of URLs that throttle.

mod host;
mod long_sends;
mod permit;
mod state;
mod url_state;
mod url_states;
mod wait_budget;
mod waiting;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::gauge;
use tidings_domain::content::destination_of;
use tidings_domain::notification::MessageId;
use tokio::sync::Notify;
use tokio::time::Instant;
use url::Url;

pub use permit::SendPermit;

use super::breaker::BreakerSettings;
use super::wait_keys::url_key;
use host::WebhookDestination;
use long_sends::LongSends;
use state::State;

/// How long a message waits for a permit while the sends in progress are quick.
const PERMIT_TIMEOUT: Duration = Duration::from_millis(500);

/// The states of the webhook destinations. Each has a circuit breaker and a limit of concurrent sends, so
/// that a destination that hangs does not delay messages to others. Many users may share a host and port, so
/// only the URL that asks for a pause is paused.
pub struct WebhookDestinations {
    breaker: BreakerSettings,
    /// Maximum number of concurrent sends to one destination.
    limit: usize,
    /// A destination counts as hanging if a send to it fails after this time.
    slow: Duration,
    long_sends: LongSends,
    state: Mutex<State>,
    permit_released: Notify,
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
            long_sends: LongSends::new(concurrency),
            state: Mutex::new(State::new(breaker)),
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
        let (key, host) = (url_key(url), destination_of(url));
        let now = Instant::now();
        let mut state = self.lock();
        let acquired = state.try_acquire(key, &host, id, self, now);
        match &acquired {
            Ok(Some(_)) => {}
            // Another message may probe the URL.
            Ok(None) => state.release_url(key, id),
            // Messages that come back are deferred without their rows.
            Err(_) => state.urls.get_or_insert(key, &host, now).release(id),
        }
        Ok(acquired?.map(|send| SendPermit::new(Arc::clone(self), host, key, id, send)))
    }

    /// Maximum number of sends that wait for their answers beside those of the channel.
    #[must_use]
    pub const fn max_long_sends(&self) -> usize {
        self.long_sends.max()
    }

    /// Pauses `url` for the duration that it asked for in the answer to a send that began at `started`.
    pub fn throttled(&self, url: &Url, started: Instant, pause: Duration) {
        let host = destination_of(url);
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
        self.update(&destination_of(url), WebhookDestination::succeeded);
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
        let host = destination_of(url);
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

    /// Admits the next message to each destination that is down, as a probe.
    pub fn probe_now(&self) {
        let now = Instant::now();
        for destination in self.lock().hosts.values_mut() {
            destination.breaker.probe_now(now);
        }
    }

    /// Removes idle destinations and returns the number of destinations that are down.
    #[must_use]
    pub fn count_down(&self) -> usize {
        let mut state = self.lock();
        state.remove_idle(Instant::now());
        state.count_down()
    }

    /// The destinations that are down, at most `limit`, in the order of their names.
    #[must_use]
    pub fn down(&self, limit: usize) -> Vec<String> {
        let mut down = self.lock().down();
        down.sort_unstable();
        down.truncate(limit);
        down
    }
}

#[cfg(test)]
mod tests;
