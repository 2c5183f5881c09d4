//! The receiver of a measurement, by channel.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use indicatif::ProgressBar;
use serde::Serialize;
use tidings_domain::notification::DeliveredChannel;

use super::arrivals::Arrivals;
use super::send_alone;
use super::smtp_sink::SmtpSink;
use super::webhook_receiver::{HangEvery, WebhookReceiver};
use crate::load::{PayloadKind, RequestBodies};
use crate::programs::EnvVars;

/// The example of the specification of Standard Webhooks. Webhooks are signed, as those of an installation are.
pub const SIGNING_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The loopback network, where the receivers of webhooks are.
const RECEIVERS: &str = "127.0.0.0/8";

/// The channel to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum MeasuredChannel {
    /// Webhooks.
    Webhook,
    /// E-mails by SMTP.
    Email,
}

/// A receiver that answers at once.
pub enum Receiver {
    /// Receives webhooks, for this many destinations.
    Webhook(WebhookReceiver, u32),
    /// Receives e-mails.
    Email(SmtpSink),
}

impl Receiver {
    /// Starts a receiver for `channel`. Writes a certificate, if it needs one, to `folder`.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no free port or the certificate cannot be written.
    pub async fn start(
        channel: MeasuredChannel,
        destinations: u32,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        Ok(match channel {
            MeasuredChannel::Webhook => Self::webhooks(destinations, None).await?,
            MeasuredChannel::Email => Self::Email(SmtpSink::start(folder).await?),
        })
    }

    /// Starts a receiver of webhooks, of whose destinations some hang.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no free port.
    pub async fn webhooks(
        destinations: u32,
        hang_every: Option<HangEvery>,
    ) -> anyhow::Result<Self> {
        let receiver = WebhookReceiver::start(hang_every).await?;
        Ok(Self::Webhook(receiver, destinations))
    }

    /// What arrives.
    pub const fn arrivals(&self) -> &Arc<Arrivals> {
        match self {
            Self::Webhook(receiver, _) => &receiver.arrivals,
            Self::Email(sink) => &sink.arrivals,
        }
    }

    /// The channel.
    pub const fn channel(&self) -> DeliveredChannel {
        match self {
            Self::Webhook(..) => DeliveredChannel::Webhook,
            Self::Email(_) => DeliveredChannel::Email,
        }
    }

    /// The name of the provider that sends to it.
    pub const fn provider(&self) -> &'static str {
        match self {
            Self::Webhook(..) => "http",
            Self::Email(_) => "smtp",
        }
    }

    /// The payloads of the notifications that are sent to it.
    pub const fn payload(&self) -> PayloadKind {
        match self {
            Self::Webhook(receiver, destinations) => {
                PayloadKind::Webhook(receiver.urls(*destinations))
            }
            Self::Email(_) => PayloadKind::Email,
        }
    }

    /// The settings with which the programs send to it, at most `concurrency` messages at once.
    pub fn settings(&self, concurrency: u16) -> EnvVars {
        let concurrency = concurrency.to_string();
        let stages = format!("intake,{}", self.channel());
        let mut settings = EnvVars::from([("WORKER_CHANNELS", stages)]);
        match self {
            Self::Webhook(..) => settings.extend([
                ("WEBHOOK_PROVIDER", self.provider().to_owned()),
                ("WEBHOOK_ALLOW_NETS", RECEIVERS.to_owned()),
                ("WEBHOOK_SIGNING_SECRET", SIGNING_SECRET.to_owned()),
                ("WEBHOOK_CONCURRENCY", concurrency),
            ]),
            Self::Email(sink) => settings.extend([
                ("EMAIL_PROVIDER", self.provider().to_owned()),
                ("SMTP_HOST", "127.0.0.1".to_owned()),
                ("SMTP_PORT", sink.port.to_string()),
                ("SMTP_TLS", "starttls".to_owned()),
                (
                    "SMTP_FROM",
                    "Tidings <tidings@bench.example.com>".to_owned(),
                ),
                ("SSL_CERT_FILE", sink.certificate_file.display().to_string()),
                ("EMAIL_CONCURRENCY", concurrency),
            ]),
        }
        settings
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
        let settings = self.settings(concurrency);
        match self {
            Self::Webhook(..) => {
                send_alone::webhooks(settings, bodies, count, concurrency, progress).await
            }
            Self::Email(sink) => {
                let certificate = &sink.certificate;
                send_alone::emails(settings, certificate, bodies, count, concurrency, progress)
                    .await
            }
        }
    }
}
