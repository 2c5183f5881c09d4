use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use metrics::gauge;
use serde::Serialize;
use tidings_domain::notification::DeliveredChannel;
use tidings_domain::overview::{ChannelReport, MAX_AWAY};
use tidings_runtime::tasks::vital;
use tokio::time::Instant;

use super::breaker::{Breaker, BreakerSettings};
use super::destinations::WebhookDestinations;
use crate::consumer::{Flow, FlowControl};

/// Minimum and maximum pause that a provider of a whole channel may ask for.
const PAUSE: [Duration; 2] = [Duration::from_secs(1), Duration::from_mins(5)];

/// Pause for a throttling provider that does not say how long.
const DEFAULT_PAUSE: Duration = Duration::from_secs(5);

/// A provider counts as down once it has only failed for this long, however few the failures. Must stay below
/// 31 s, when a message exhausts the default retries.
const FAILING_FOR: Duration = Duration::from_secs(20);

/// Why a provider is down that refuses the credentials. The overview of the installation recognises it.
const CREDENTIALS_REFUSED: &str = "the provider refuses the credentials";

/// The state of a channel: of its provider, and whether an operator has stopped it. Controls the flow of the channel's
/// consumer.
///
/// The state of the provider applies to one that serves the whole channel: a mail server, an SMS or push service. Each
/// webhook destination has a state of its own in [`WebhookDestinations`], and the flow of the webhook channel stops only
/// if an operator stops it.
pub struct ChannelState {
    channel: DeliveredChannel,
    provider: &'static str,
    flow_control: Arc<FlowControl>,
    destinations: Option<Arc<WebhookDestinations>>,
    inner: Mutex<Inner>,
}

struct Inner {
    breaker: Breaker,
    paused_until: Option<Instant>,
    throttle: Option<Throttle>,
    down_since: Option<Timestamp>,
    reason: Option<String>,
    stop: Option<SendingStop>,
    probe_request: ProbeRequest,
}

/// The last request of an operator for a probe that this process has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProbeRequest {
    /// The requests are not read yet. What was requested before the start needs no probe.
    NotRead,
    /// When it was made, if there is one.
    Last(Option<Timestamp>),
}

/// An operator has stopped a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendingStop {
    /// When.
    pub since: Timestamp,
    /// Why.
    pub reason: Option<String>,
}

/// The provider has limited the rate and accepted nothing since.
#[derive(Clone, Copy)]
struct Throttle {
    /// When the last such answer arrived.
    at: Instant,
    /// The shortest pause after the next such answer.
    next_pause: Duration,
}

/// A channel in the worker's `/health`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelHealth {
    /// The provider, such as `smtp`.
    pub provider: &'static str,
    /// `delivering`, `paused` (the provider throttles), `away` (the circuit breaker is open) or `stopped` (by an operator).
    pub state: &'static str,
    /// When the circuit breaker opened, or the operator stopped the channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Why the circuit breaker is open, or the channel is stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Number of destinations that are down (webhooks only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destinations_away: Option<usize>,
}

impl ChannelState {
    /// Creates the state of a channel that delivers.
    #[must_use]
    pub fn new(
        channel: DeliveredChannel,
        provider: &'static str,
        settings: BreakerSettings,
        destinations: Option<Arc<WebhookDestinations>>,
    ) -> Self {
        let state = Self {
            destinations,
            channel,
            provider,
            flow_control: Arc::default(),
            inner: Mutex::new(Inner {
                breaker: Breaker::new(BreakerSettings {
                    failing_for: Some(FAILING_FOR),
                    ..settings
                }),
                paused_until: None,
                throttle: None,
                down_since: None,
                reason: None,
                stop: None,
                probe_request: ProbeRequest::NotRead,
            }),
        };
        state.update_metrics(&state.lock());
        state
    }

    /// The channel.
    #[must_use]
    pub const fn channel(&self) -> DeliveredChannel {
        self.channel
    }

    /// The flow control of the channel's consumer.
    #[must_use]
    pub const fn flow_control(&self) -> &Arc<FlowControl> {
        &self.flow_control
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the circuit breaker is open.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.lock().breaker.open_since().is_some()
    }

    /// Records a success of the provider, for a send that began at `started`. A send that began before the provider
    /// asked for a pause does not end the pause.
    pub fn succeeded(self: &Arc<Self>, started: Instant) {
        let mut inner = self.lock();
        let was_throttled = inner.throttle.is_some();
        inner.throttle = inner.throttle.filter(|throttle| started <= throttle.at);
        let is_throttled = inner.throttle.is_some();
        let was_down = inner.breaker.succeeded();
        if was_down {
            (inner.down_since, inner.reason) = (None, None);
            tracing::info!(
                channel = self.channel.as_str(),
                provider = self.provider,
                "the provider is up again"
            );
        }
        drop(inner);
        if was_down || was_throttled != is_throttled {
            self.update_flow();
        }
    }

    /// Records a failure of the provider.
    pub fn failed(self: &Arc<Self>) {
        self.update_breaker("consecutive failures", |breaker| {
            breaker.failed(Instant::now())
        });
    }

    /// Records that the provider refused the credentials, which opens the circuit breaker at once.
    pub fn credentials_refused(self: &Arc<Self>) {
        self.update_breaker(CREDENTIALS_REFUSED, |breaker| breaker.open(Instant::now()));
    }

    /// Records that the provider refuses this installation, which opens the circuit breaker at once. `reason`
    /// appears in `/health` and in the log.
    pub fn installation_refused(self: &Arc<Self>, reason: &str) {
        self.update_breaker(reason, |breaker| breaker.open(Instant::now()));
    }

    fn update_breaker(self: &Arc<Self>, reason: &str, update: impl FnOnce(&mut Breaker) -> bool) {
        let mut inner = self.lock();
        let opened = update(&mut inner.breaker);
        if opened {
            inner.down_since = Some(Timestamp::now());
            inner.reason = Some(reason.to_owned());
        }
        drop(inner);
        if opened {
            tracing::error!(
                channel = self.channel.as_str(),
                provider = self.provider,
                reason,
                "the provider is down: its channel takes no messages"
            );
        }
        self.update_flow();
    }

    /// Pauses the channel for the duration that its provider asks for in the answer to a send that began at
    /// `started`, but at least 1 s and at most 5 min. Consecutive such answers double the minimum. After the pause,
    /// the channel takes one message at a time until the provider accepts one. Returns the duration.
    pub fn pause(self: &Arc<Self>, started: Instant, retry_after: Option<Duration>) -> Duration {
        let now = Instant::now();
        let mut inner = self.lock();
        let earlier = inner.throttle.map_or(PAUSE[0], |one| one.next_pause);
        // Answers to concurrent sends count once.
        let (minimum, next_pause) = match inner.throttle {
            Some(throttle) if started <= throttle.at => (PAUSE[0], earlier),
            _ => (earlier, PAUSE[1].min(earlier * 2)),
        };
        inner.throttle = Some(Throttle {
            at: now,
            next_pause,
        });
        let pause = retry_after
            .unwrap_or(DEFAULT_PAUSE)
            .clamp(minimum, PAUSE[1]);
        inner.paused_until = inner.paused_until.max(Some(now + pause));
        drop(inner);
        tracing::warn!(
            channel = self.channel.as_str(),
            provider = self.provider,
            seconds = pause.as_secs(),
            "the provider throttles: its channel pauses"
        );
        self.update_flow();
        pause
    }

    /// Stops the channel, or starts it if there is no stop. Sends under way end.
    pub fn set_stop(self: &Arc<Self>, stop: Option<SendingStop>) {
        let mut inner = self.lock();
        let (was_stopped, is_stopped) = (inner.stop.is_some(), stop.is_some());
        inner.stop = stop;
        drop(inner);
        if was_stopped == is_stopped {
            return;
        }
        let channel = self.channel.as_str();
        if is_stopped {
            tracing::info!(channel, "sending is stopped: the channel takes no messages");
        } else {
            tracing::info!(channel, "sending is started");
        }
        self.update_flow();
    }

    /// Ends the pause and lets one message through at once, if `request` is another than the last one: a provider that is
    /// down is probed by the next message, and so is each destination that is down.
    pub fn set_probe_request(self: &Arc<Self>, request: Option<Timestamp>) {
        let now = Instant::now();
        let mut inner = self.lock();
        let last = std::mem::replace(&mut inner.probe_request, ProbeRequest::Last(request));
        if last == ProbeRequest::NotRead || last == ProbeRequest::Last(request) {
            return;
        }
        inner.breaker.probe_now(now);
        inner.paused_until = None;
        drop(inner);
        if let Some(destinations) = &self.destinations {
            destinations.probe_now();
        }
        tracing::info!(
            channel = self.channel.as_str(),
            provider = self.provider,
            "an operator asks for a probe"
        );
        self.update_flow();
    }

    /// Stops the channel because the claim of a message found it stopped, until the switches are read again.
    pub fn stopped_at_claim(self: &Arc<Self>) {
        let is_known = self.lock().stop.is_some();
        if !is_known {
            self.set_stop(Some(SendingStop {
                since: Timestamp::now(),
                reason: None,
            }));
        }
    }

    /// Sets the flow according to the current state. Schedules the next update if time changes the state.
    fn update_flow(self: &Arc<Self>) {
        let now = Instant::now();
        let mut inner = self.lock();
        inner.paused_until = inner.paused_until.filter(|until| *until > now);
        let (flow, next_update) = match (inner.paused_until, inner.breaker.probe_at()) {
            _ if inner.stop.is_some() => (Flow::Stopped, None),
            (Some(until), _) => (Flow::Stopped, Some(until)),
            (None, Some(probe_at)) if probe_at > now => (Flow::Stopped, Some(probe_at)),
            (None, Some(_)) => (Flow::OneAtATime, None),
            (None, None) if inner.throttle.is_some() => (Flow::OneAtATime, None),
            (None, None) => (Flow::Unlimited, None),
        };
        // Under the lock, so that the later of two concurrent calls wins.
        self.flow_control.set(flow);
        self.update_metrics(&inner);
        drop(inner);
        if let Some(time) = next_update {
            let this = Arc::clone(self);
            tokio::spawn(vital("flow of a channel", async move {
                tokio::time::sleep_until(time).await;
                this.update_flow();
            }));
        }
    }

    fn update_metrics(&self, inner: &Inner) {
        let are_refused = inner.reason.as_deref() == Some(CREDENTIALS_REFUSED);
        let gauges = [
            ("tidings_provider_away", inner.down_since.is_some()),
            ("tidings_provider_credentials_refused", are_refused),
            ("tidings_channel_paused", inner.paused_until.is_some()),
        ];
        let is_stopped = if inner.stop.is_some() { 1.0 } else { 0.0 };
        gauge!("tidings_sending_stopped", "channel" => self.channel.as_str()).set(is_stopped);
        for (name, is_set) in gauges {
            let (channel, provider) = (self.channel.as_str(), self.provider);
            gauge!(name, "channel" => channel, "provider" => provider).set(if is_set {
                1.0
            } else {
                0.0
            });
        }
    }

    /// The state for the overview of the installation.
    #[must_use]
    pub fn report(&self) -> ChannelReport {
        let health = self.health();
        ChannelReport {
            channel: self.channel.as_str().to_owned(),
            provider: health.provider.to_owned(),
            state: health.state.to_owned(),
            since: health.since,
            reason: health.reason,
            destinations_away: health
                .destinations_away
                .map(|count| u64::try_from(count).unwrap_or(u64::MAX)),
            away: self
                .destinations
                .as_ref()
                .map(|all| all.down(MAX_AWAY))
                .unwrap_or_default(),
        }
    }

    /// The state for `/health`.
    #[must_use]
    pub fn health(&self) -> ChannelHealth {
        let inner = self.lock();
        let paused = inner
            .paused_until
            .is_some_and(|until| until > Instant::now());
        let destinations_away = self.destinations.as_ref().map(|all| all.count_down());
        if let Some(stop) = &inner.stop {
            return ChannelHealth {
                provider: self.provider,
                state: "stopped",
                since: Some(stop.since),
                reason: stop.reason.clone(),
                destinations_away,
            };
        }
        ChannelHealth {
            provider: self.provider,
            state: match (inner.down_since, paused) {
                (Some(_), _) => "away",
                (None, true) => "paused",
                (None, false) => "delivering",
            },
            since: inner.down_since,
            reason: inner.reason.clone(),
            destinations_away,
        }
    }
}

#[cfg(test)]
mod tests;
