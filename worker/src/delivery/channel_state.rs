use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use metrics::gauge;
use serde::Serialize;
use tidings_domain::notification::DeliveredChannel;
use tokio::time::Instant;

use super::breaker::{Breaker, BreakerSettings};
use super::destinations::Destinations;
use crate::consumer::{Flow, Gate};

/// How long a provider that serves a whole channel may ask us to pause.
const PAUSE: [Duration; 2] = [Duration::from_secs(1), Duration::from_mins(5)];

/// How long a channel pauses when its provider asks for patience and does not say how much.
const PAUSE_UNSAID: Duration = Duration::from_secs(5);

/// A provider that has failed for so long and done nothing else counts as away, be the failures few: less
/// than it takes a message to use up its attempts by the default ladder (31 s), so that an outage costs
/// none its life.
const FAILING_FOR: Duration = Duration::from_secs(20);

/// Whether a channel delivers, and why not. It holds the gate of the channel's consumer.
///
/// For a provider that serves the whole channel (a mail server, an SMS or push service). Webhooks have
/// as many providers as destinations; their channel itself is never closed.
pub struct ChannelState {
    channel: DeliveredChannel,
    provider: &'static str,
    gate: Arc<Gate>,
    destinations: Option<Arc<Destinations>>,
    inner: Mutex<Inner>,
}

struct Inner {
    breaker: Breaker,
    paused_until: Option<Instant>,
    away_since: Option<Timestamp>,
    reason: Option<String>,
}

/// What the worker's `/health` says of a channel.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelReport {
    /// Who delivers, such as `smtp`.
    pub provider: &'static str,
    /// `delivering`, `paused` (the provider asked for patience) or `away` (the breaker is open).
    pub state: &'static str,
    /// Since when it is away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Why it is away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Webhooks alone: destinations that are away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destinations_away: Option<usize>,
}

impl ChannelState {
    /// Delivering.
    #[must_use]
    pub fn new(
        channel: DeliveredChannel,
        provider: &'static str,
        settings: BreakerSettings,
        destinations: Option<Arc<Destinations>>,
    ) -> Self {
        let state = Self {
            destinations,
            channel,
            provider,
            gate: Arc::default(),
            inner: Mutex::new(Inner {
                breaker: Breaker::new(BreakerSettings {
                    failing_for: Some(FAILING_FOR),
                    ..settings
                }),
                paused_until: None,
                away_since: None,
                reason: None,
            }),
        };
        state.show(&state.lock());
        state
    }

    /// The channel.
    #[must_use]
    pub const fn channel(&self) -> DeliveredChannel {
        self.channel
    }

    /// The gate of the channel's consumer.
    #[must_use]
    pub const fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the provider counts as away.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.lock().breaker.open_since().is_some()
    }

    /// Notes that the provider did what it is there for.
    pub fn succeeded(self: &Arc<Self>) {
        let mut inner = self.lock();
        if inner.breaker.succeeded() {
            (inner.away_since, inner.reason) = (None, None);
            drop(inner);
            tracing::info!(
                channel = self.channel.as_str(),
                provider = self.provider,
                "the provider is back"
            );
            self.adjust();
        }
    }

    /// Notes a failure that is the provider's.
    pub fn failed(self: &Arc<Self>) {
        self.note_away("failures in a row", |breaker| {
            breaker.failed(Instant::now())
        });
    }

    /// Notes that the provider refuses our credentials.
    pub fn refused_us(self: &Arc<Self>) {
        self.note_away("it refuses our credentials", |breaker| {
            breaker.away(Instant::now())
        });
    }

    fn note_away(self: &Arc<Self>, reason: &str, note: impl FnOnce(&mut Breaker) -> bool) {
        let mut inner = self.lock();
        let news = note(&mut inner.breaker);
        if news {
            inner.away_since = Some(Timestamp::now());
            inner.reason = Some(reason.to_owned());
        }
        drop(inner);
        if news {
            tracing::error!(
                channel = self.channel.as_str(),
                provider = self.provider,
                reason,
                "the provider is away: its channel takes no more messages"
            );
        }
        self.adjust();
    }

    /// Pauses the channel for as long as its provider asks, within bounds. Returns how long that is.
    pub fn pause(self: &Arc<Self>, asked: Option<Duration>) -> Duration {
        let pause = asked.unwrap_or(PAUSE_UNSAID).clamp(PAUSE[0], PAUSE[1]);
        let until = Instant::now() + pause;
        let mut inner = self.lock();
        inner.paused_until = inner.paused_until.max(Some(until));
        drop(inner);
        tracing::warn!(
            channel = self.channel.as_str(),
            provider = self.provider,
            seconds = pause.as_secs(),
            "the provider asks for patience: its channel pauses"
        );
        self.adjust();
        pause
    }

    /// Sets the gate to what holds now, and again when that may change by itself.
    fn adjust(self: &Arc<Self>) {
        let now = Instant::now();
        let mut inner = self.lock();
        inner.paused_until = inner.paused_until.filter(|until| *until > now);
        let (flow, look_again) = match (inner.paused_until, inner.breaker.probe_at()) {
            (Some(until), _) => (Flow::None, Some(until)),
            (None, Some(probe_at)) if probe_at > now => (Flow::None, Some(probe_at)),
            (None, Some(_)) => (Flow::One, None),
            (None, None) => (Flow::All, None),
        };
        // Under the lock: of two calls at once the later must win.
        self.gate.set(flow);
        self.show(&inner);
        drop(inner);
        if let Some(time) = look_again {
            let this = Arc::clone(self);
            tokio::spawn(async move {
                tokio::time::sleep_until(time).await;
                this.adjust();
            });
        }
    }

    fn show(&self, inner: &Inner) {
        let shown = [
            ("tidings_provider_away", inner.away_since.is_some()),
            ("tidings_channel_paused", inner.paused_until.is_some()),
        ];
        for (name, holds) in shown {
            let (channel, provider) = (self.channel.as_str(), self.provider);
            gauge!(name, "channel" => channel, "provider" => provider).set(if holds {
                1.0
            } else {
                0.0
            });
        }
    }

    /// For `/health`.
    #[must_use]
    pub fn report(&self) -> ChannelReport {
        let inner = self.lock();
        let paused = inner
            .paused_until
            .is_some_and(|until| until > Instant::now());
        ChannelReport {
            provider: self.provider,
            state: match (inner.away_since, paused) {
                (Some(_), _) => "away",
                (None, true) => "paused",
                (None, false) => "delivering",
            },
            since: inner.away_since,
            reason: inner.reason.clone(),
            destinations_away: self.destinations.as_ref().map(|all| all.away()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> Arc<ChannelState> {
        let settings = BreakerSettings {
            failures: 2,
            probe_after: Duration::from_secs(15),
            failing_for: None,
        };
        Arc::new(ChannelState::new(
            DeliveredChannel::Sms,
            "twilio",
            settings,
            None,
        ))
    }

    async fn flow_after(state: &Arc<ChannelState>, seconds: u64) -> Flow {
        tokio::time::advance(Duration::from_secs(seconds)).await;
        // Lets the timer's task run.
        tokio::task::yield_now().await;
        state.gate().flow()
    }

    #[tokio::test(start_paused = true)]
    async fn a_channel_pauses_for_as_long_as_it_is_asked_to() {
        let state = state();
        assert_eq!(state.pause(Some(Duration::from_secs(2))).as_secs(), 2);
        tokio::task::yield_now().await;
        assert_eq!(state.gate().flow(), Flow::None);
        assert_eq!(state.report().state, "paused");
        assert_eq!(flow_after(&state, 3).await, Flow::All);
        assert_eq!(state.pause(Some(Duration::ZERO)).as_secs(), 1);
        assert_eq!(state.pause(Some(Duration::from_hours(1))).as_secs(), 300);
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_is_away_is_tried_with_one_message_now_and_then() {
        let state = state();
        state.failed();
        assert_eq!(state.gate().flow(), Flow::All);
        state.failed();
        tokio::task::yield_now().await;
        assert_eq!(state.gate().flow(), Flow::None);
        assert_eq!(flow_after(&state, 16).await, Flow::One);
        state.failed();
        tokio::task::yield_now().await;
        assert_eq!(state.gate().flow(), Flow::None);
        assert_eq!(flow_after(&state, 16).await, Flow::One);
        state.succeeded();
        assert_eq!(state.gate().flow(), Flow::All);
        assert_eq!(state.report().state, "delivering");
    }

    #[tokio::test(start_paused = true)]
    async fn one_refusal_of_our_credentials_is_enough() {
        let state = state();
        state.refused_us();
        assert!(state.is_away());
        let report = state.report();
        assert_eq!(report.state, "away");
        assert_eq!(report.reason.as_deref(), Some("it refuses our credentials"));
    }
}
