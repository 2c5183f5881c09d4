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

/// Number of receivers in memory above which idle ones are removed.
const MAX_RECEIVERS: usize = 10_000;

/// A receiver without sends for this long is idle. Longer than the longest interval between two probes.
const IDLE_AFTER: Duration = Duration::from_hours(1);

/// Maximum number of concurrent sends to a receiver that has not answered yet.
const UNPROVEN_LIMIT: usize = 2;

/// The state of each webhook receiver (host and port): its circuit breaker, and how many sends it may have in
/// progress, so that a receiver that hangs does not hold up the others.
pub struct WebhookReceivers {
    breaker: BreakerSettings,
    /// Maximum number of concurrent sends to one receiver.
    limit: usize,
    /// A request that takes this long counts as hanging.
    slow: Duration,
    receivers: Mutex<HashMap<String, Receiver>>,
    /// The end of the pause that a receiver asked for, by URL: many users may share a host and port, and
    /// only the URL that asked is paused.
    paused_until: Mutex<HashMap<String, Instant>>,
    permit_released: Notify,
}

struct Receiver {
    breaker: Breaker,
    /// Start of each send in progress, oldest first.
    sends: Vec<Instant>,
    /// The last send took as long as a hanging one.
    hangs: bool,
    /// The receiver has answered before.
    proven: bool,
    last_used: Instant,
}

impl Receiver {
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

    /// Whether a send may hang: the receiver hangs, is down, or has not answered yet.
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

/// Why no message may be sent to a receiver now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiverUnavailable {
    /// The circuit breaker is open.
    Down,
    /// The receiver hangs, and another send is probing it.
    Hanging,
    /// The receiver asked for a pause until this time.
    Paused(Instant),
    /// The maximum number of sends is in progress, and they take long.
    Busy,
}

/// Permission for one send. Dropped when the send has ended.
pub struct SendPermit {
    receivers: Arc<WebhookReceivers>,
    key: String,
    started: Instant,
}

/// The name of the receiver of a URL: host and port.
#[must_use]
pub fn receiver_key(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{host}:{port}")
}

impl WebhookReceivers {
    /// `concurrency` is the channel's maximum number of concurrent sends; one receiver gets at most half of
    /// them. `timeout` is the maximum duration of a send.
    #[must_use]
    pub fn new(breaker: BreakerSettings, concurrency: usize, timeout: Duration) -> Self {
        gauge!("tidings_webhook_destinations_away").set(0.0);
        Self {
            breaker,
            limit: concurrency.div_ceil(2),
            slow: timeout / 2,
            receivers: Mutex::default(),
            paused_until: Mutex::default(),
            permit_released: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Receiver>> {
        self.receivers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Acquires permission for a send to `url`. Waits a moment if the sends in progress are quick.
    ///
    /// # Errors
    ///
    /// Fails if the message must be deferred.
    pub async fn acquire(self: &Arc<Self>, url: &Url) -> Result<SendPermit, ReceiverUnavailable> {
        if let Some(until) = self.pause_of(url) {
            return Err(ReceiverUnavailable::Paused(until));
        }
        let key = receiver_key(url);
        let deadline = Instant::now() + PERMIT_TIMEOUT;
        loop {
            let released = self.permit_released.notified();
            match self.try_acquire(&key)? {
                Some(permit) => return Ok(permit),
                None if Instant::now() >= deadline => return Err(ReceiverUnavailable::Busy),
                // After a notification or a timeout, the next iteration decides.
                None => drop(tokio::time::timeout_at(deadline, released).await),
            }
        }
    }

    /// Returns `None` if no permit is available at this moment.
    fn try_acquire(self: &Arc<Self>, key: &str) -> Result<Option<SendPermit>, ReceiverUnavailable> {
        let now = Instant::now();
        let mut receivers = self.lock();
        if receivers.len() >= MAX_RECEIVERS {
            receivers.retain(|_, receiver| !receiver.is_idle(now));
            update_gauge(&receivers);
        }
        // All receivers that may hang share one half of the channel, so that they never hold up the other
        // half.
        let possibly_hanging: Vec<Instant> = receivers
            .values()
            .filter(|receiver| receiver.may_hang())
            .flat_map(|receiver| receiver.sends.iter().copied())
            .collect();
        let receiver = receivers
            .entry(key.to_owned())
            .or_insert_with(|| Receiver::new(self.breaker, now));
        receiver.last_used = now;
        // Checked before the limits, so that no message waits for a permit to a receiver that is down.
        let probe_at = receiver.breaker.probe_at();
        if probe_at.is_some_and(|time| time > now) {
            return Err(ReceiverUnavailable::Down);
        }
        let half_is_full = receiver.may_hang() && possibly_hanging.len() >= self.limit;
        if half_is_full || receiver.sends.len() >= receiver.limit(self.limit) {
            let oldest = if half_is_full {
                possibly_hanging.iter().min()
            } else {
                receiver.sends.first()
            };
            let stuck =
                oldest.is_some_and(|started| now.duration_since(*started) >= PERMIT_TIMEOUT);
            return match (receiver.hangs, stuck) {
                (true, _) => Err(ReceiverUnavailable::Hanging),
                (false, true) => Err(ReceiverUnavailable::Busy),
                (false, false) => Ok(None),
            };
        }
        if !receiver.breaker.admits(now) {
            return Err(ReceiverUnavailable::Down);
        }
        receiver.sends.push(now);
        Ok(Some(SendPermit {
            receivers: Arc::clone(self),
            key: key.to_owned(),
            started: now,
        }))
    }

    /// Pauses `url` for `pause`, because its receiver asked for it.
    pub fn pause(&self, url: &Url, pause: Duration) {
        self.succeeded(&receiver_key(url));
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

    /// Records that the receiver answered, whatever the answer.
    pub fn succeeded(&self, key: &str) {
        self.update(key, |receiver| {
            receiver.hangs = false;
            receiver.proven = true;
            receiver.breaker.succeeded();
        });
    }

    /// Records a failure of the receiver after `duration`. Returns whether the receiver is down now.
    pub fn failed(&self, key: &str, duration: Duration) -> bool {
        self.update(key, |receiver| {
            receiver.hangs = duration >= self.slow;
            receiver.breaker.failed(Instant::now());
        })
    }

    fn update(&self, key: &str, change: impl FnOnce(&mut Receiver)) -> bool {
        let mut receivers = self.lock();
        let Some(receiver) = receivers.get_mut(key) else {
            return false;
        };
        let was_down = receiver.is_down();
        change(receiver);
        let is_down = receiver.is_down();
        if was_down != is_down {
            update_gauge(&receivers);
            tracing::warn!(down = is_down, "the state of a webhook receiver changed");
        }
        is_down
    }

    /// Removes idle receivers and returns the number of receivers that are down.
    #[must_use]
    pub fn count_down(&self) -> usize {
        let now = Instant::now();
        let mut receivers = self.lock();
        receivers.retain(|_, receiver| !receiver.is_idle(now));
        update_gauge(&receivers);
        count_down(&receivers)
    }
}

fn update_gauge(receivers: &HashMap<String, Receiver>) {
    let count = u32::try_from(count_down(receivers)).unwrap_or(u32::MAX);
    gauge!("tidings_webhook_destinations_away").set(f64::from(count));
}

fn count_down(receivers: &HashMap<String, Receiver>) -> usize {
    let down = receivers.values().filter(|receiver| receiver.is_down());
    down.count()
}

impl Drop for SendPermit {
    fn drop(&mut self) {
        let mut receivers = self.receivers.lock();
        if let Some(receiver) = receivers.get_mut(&self.key) {
            let sends = &mut receiver.sends;
            let position = sends.iter().position(|started| *started == self.started);
            position.map(|position| sends.remove(position));
        }
        drop(receivers);
        self.receivers.permit_released.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
