use std::collections::{HashMap, HashSet};
use std::time::Duration;

use metrics::gauge;
use tidings_broker::WaitKey;
use tidings_domain::notification::MessageId;
use tokio::time::Instant;

use super::host::{Send, WebhookDestination};
use super::url_state::Admission;
use super::url_states::UrlStates;
use super::wait_budget::{WaitBudget, Window};
use super::{DestinationUnavailable, PERMIT_TIMEOUT, WebhookDestinations};
use crate::delivery::breaker::BreakerSettings;

/// Number of destinations in memory above which idle ones are removed.
const MAX_DESTINATIONS: usize = 10_000;

/// Minimum time between two removals of idle destinations.
const REMOVAL_INTERVAL: Duration = Duration::from_secs(10);

/// What [`WebhookDestinations`] changes under its lock.
pub(super) struct State {
    pub(super) hosts: HashMap<String, WebhookDestination>,
    /// The hosts with sends in progress that are no long sends.
    active: HashSet<String>,
    /// Number of sends in progress to destinations that hung when they began.
    sends_to_hanging: usize,
    /// When idle destinations may be removed again: to look for them takes time.
    next_removal: Instant,
    pub(super) urls: UrlStates,
    /// The messages of all URLs that return from the short wait queues.
    pub(super) returns: WaitBudget,
    /// The probes of all URLs that throttle.
    pub(super) probes: Window,
    /// The rows of messages that have to wait, read to see whether they still wait.
    pub(super) row_reads: Window,
}

impl State {
    pub(super) fn new(breaker: BreakerSettings) -> Self {
        Self {
            hosts: HashMap::new(),
            active: HashSet::new(),
            sends_to_hanging: 0,
            next_removal: Instant::now(),
            urls: UrlStates::new(breaker),
            returns: WaitBudget::new(),
            probes: Window::new(Duration::from_secs(1)),
            row_reads: Window::new(Duration::from_secs(1)),
        }
    }

    /// Returns `None` if a permit may become available soon.
    pub(super) fn try_acquire(
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
        let is_probe = admission == Admission::Probe;
        if self.hosts.len() >= MAX_DESTINATIONS && now >= self.next_removal {
            self.next_removal = now + REMOVAL_INTERVAL;
            self.remove_idle(now);
        }
        let known = self.hosts.get(host);
        let is_doubtful = is_probe || known.is_none_or(WebhookDestination::may_hang);
        // All destinations that may hang, and all probes of URLs that throttle, share one half of the channel's
        // sends, so that the other half is free for the others. Long sends do not count.
        let mut doubtful = if is_doubtful {
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
        // The long sends are not only for those that hang again and again.
        if destination.hangs && self.sends_to_hanging >= settings.long_sends.max_to_hanging() {
            return Err(DestinationUnavailable::Hanging);
        }
        let half_is_full = is_doubtful && doubtful.len() >= limit;
        if half_is_full || destination.sends.len() >= destination.limit(limit, now) {
            let started = if half_is_full {
                // One message too large for the room of long sends says nothing about the other sends.
                doubtful.sort_unstable();
                doubtful.get(doubtful.len() / 2).copied()
            } else {
                destination.sends.first().map(|send| send.started)
            };
            let stuck =
                started.is_some_and(|started| now.duration_since(started) >= PERMIT_TIMEOUT);
            return match (destination.hangs, stuck) {
                (true, _) => Err(DestinationUnavailable::Hanging),
                (false, true) => Err(DestinationUnavailable::Busy),
                (false, false) => Ok(None),
            };
        }
        if !destination.breaker.admits(now) {
            return Err(DestinationUnavailable::Down);
        }
        let send = Send {
            started: now,
            is_probe,
            to_hanging: destination.hangs,
            is_long: false,
        };
        if !destination.uses_channel() {
            self.active.insert(host.to_owned());
        }
        destination.sends.push(send);
        self.sends_to_hanging += usize::from(send.to_hanging);
        if let Some(url) = self.urls.get_mut(key).filter(|_| is_probe) {
            url.reserve(id, now);
            url.probe_sent(now);
        }
        Ok(Some(send))
    }

    /// Records that a send is a long send.
    pub(super) fn lengthen(&mut self, host: &str, send: Send) {
        self.update_sends(host, |destination| destination.lengthen(send));
    }

    /// Removes a send that has ended.
    pub(super) fn end_send(&mut self, host: &str, send: Send) {
        self.sends_to_hanging -= usize::from(send.to_hanging);
        self.update_sends(host, |destination| destination.remove(send));
    }

    fn update_sends(&mut self, host: &str, change: impl FnOnce(&mut WebhookDestination)) {
        if let Some(destination) = self.hosts.get_mut(host) {
            change(destination);
            if !destination.uses_channel() {
                self.active.remove(host);
            }
        }
    }

    /// Ends the reservation of a URL for the message `id`.
    pub(super) fn release_url(&mut self, key: WaitKey, id: MessageId) {
        if let Some(url) = self.urls.get_mut(key) {
            url.release(id);
        }
    }

    /// The start of each send that may hang, or that probes a URL that throttles.
    fn doubtful_sends(&self) -> Vec<Instant> {
        let active = self.active.iter().filter_map(|host| self.hosts.get(host));
        active
            .flat_map(WebhookDestination::doubtful_sends)
            .collect()
    }

    pub(super) fn remove_idle(&mut self, now: Instant) {
        self.hosts
            .retain(|_, destination| !destination.is_idle(now));
        self.update_gauges();
    }

    pub(super) fn update_gauges(&self) {
        let gauge_value = |count| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        gauge!("tidings_webhook_destinations_away").set(gauge_value(self.count_down()));
        gauge!("tidings_webhook_urls_throttled").set(gauge_value(self.urls.count_throttled()));
    }

    pub(super) fn down(&self) -> Vec<String> {
        let hosts = self.hosts.iter();
        let down = hosts.filter(|(_, destination)| destination.is_down());
        down.map(|(host, _)| host.clone()).collect()
    }

    pub(super) fn count_down(&self) -> usize {
        let down = self.hosts.values();
        down.filter(|destination| destination.is_down()).count()
    }
}
