//! The receiver of a measurement, by channel.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::ValueEnum;
use indicatif::ProgressBar;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::Serialize;
use tidings_domain::content::{ChannelContent, Json, Webhook};
use tidings_domain::notification::{DeliveredChannel, MessageId};
use tidings_settings::Reader;
use tidings_worker::providers::WebhookMessage;
use tidings_worker::providers::webhook::{WebhookSender, WebhookSettings};

use super::arrivals::Arrivals;
use super::send_alone::send_all;
use super::webhook_receiver::WebhookReceiver;
use crate::load::{PayloadKind, RequestBodies};
use crate::programs::EnvVars;

/// Default of `PROVIDER_TIMEOUT_SECS`.
const PROVIDER_TIMEOUT: Duration = Duration::from_secs(10);

/// The example of the specification of Standard Webhooks. Webhooks are signed, as those of an installation are.
const SIGNING_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The loopback network, where the receivers are.
const RECEIVERS: &str = "127.0.0.0/8";

/// The channel to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum MeasuredChannel {
    /// Webhooks.
    Webhook,
}

/// A receiver that answers at once.
pub enum Receiver {
    /// Receives webhooks, for this many destinations.
    Webhook(WebhookReceiver, u32),
}

impl Receiver {
    /// Starts a receiver for `channel`.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no free port.
    pub async fn start(channel: MeasuredChannel, destinations: u32) -> anyhow::Result<Self> {
        Ok(match channel {
            MeasuredChannel::Webhook => {
                Self::Webhook(WebhookReceiver::start(None).await?, destinations)
            }
        })
    }

    /// What arrives.
    pub const fn arrivals(&self) -> &Arc<Arrivals> {
        match self {
            Self::Webhook(receiver, _) => &receiver.arrivals,
        }
    }

    /// The channel.
    pub const fn channel(&self) -> DeliveredChannel {
        match self {
            Self::Webhook(..) => DeliveredChannel::Webhook,
        }
    }

    /// The name of the provider that sends to it.
    pub const fn provider(&self) -> &'static str {
        match self {
            Self::Webhook(..) => "http",
        }
    }

    /// The payloads of the notifications that are sent to it.
    pub const fn payload(&self) -> PayloadKind {
        match self {
            Self::Webhook(receiver, destinations) => {
                PayloadKind::Webhook(receiver.urls(*destinations))
            }
        }
    }

    /// The settings with which the programs send to it, at most `concurrency` messages at once.
    pub fn settings(&self, concurrency: u16) -> EnvVars {
        let concurrency = concurrency.to_string();
        match self {
            Self::Webhook(..) => [
                ("WORKER_CHANNELS", "intake,webhook".to_owned()),
                ("WEBHOOK_PROVIDER", "http".to_owned()),
                ("WEBHOOK_ALLOW_NETS", RECEIVERS.to_owned()),
                ("WEBHOOK_SIGNING_SECRET", SIGNING_SECRET.to_owned()),
                ("WEBHOOK_CONCURRENCY", concurrency),
            ]
            .into_iter()
            .collect(),
        }
    }

    /// Sends `count` messages with the product's own provider, `concurrency` at once. Returns how long that took.
    ///
    /// # Errors
    ///
    /// Returns an error if a message is not delivered.
    pub async fn send_alone(
        &self,
        bodies: &RequestBodies,
        count: u64,
        concurrency: u16,
        progress: &ProgressBar,
    ) -> anyhow::Result<Duration> {
        match self {
            Self::Webhook(..) => {
                let vars = self.settings(concurrency);
                let sender = WebhookSender::new(&webhook_settings(vars)?, PROVIDER_TIMEOUT)?;
                let messages = (0..count).map(|number| webhook_message(bodies, number));
                let messages = messages.collect::<anyhow::Result<_>>()?;
                send_all(Arc::new(sender), messages, concurrency.into(), progress).await
            }
        }
    }
}

fn webhook_settings(vars: EnvVars) -> anyhow::Result<WebhookSettings> {
    let vars = vars
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    let mut reader = Reader::from_vars(vars);
    let settings = WebhookSettings::read(&mut reader);
    Ok(reader.finish(settings)?)
}

fn webhook_message(bodies: &RequestBodies, number: u64) -> anyhow::Result<WebhookMessage> {
    let webhook = content::<Webhook>(bodies, number)?;
    Ok(WebhookMessage {
        id: MessageId::generate(),
        to: webhook.to.clone().context("the payload names a URL")?,
        accepted_at: Timestamp::now(),
        secrets: vec![SecretString::from(SIGNING_SECRET)],
        webhook,
    })
}

fn content<C: ChannelContent>(bodies: &RequestBodies, number: u64) -> anyhow::Result<C> {
    let payload = Json::object(&bodies.payload(number))
        .map_err(|error| anyhow::anyhow!("the payload is not JSON: {error:?}"))?;
    C::from_payload(&payload).map_err(|problems| anyhow::anyhow!("wrong payload: {problems:?}"))
}
