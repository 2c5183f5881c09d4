//! Providers: one trait, and one module for each provider, a thin client of its documented API.
//!
//! A provider knows no queue, no row and no retry. It sends one message and returns the outcome; the delivery
//! stage decides what happens next.

mod base_url;
mod config;
mod default_sender;
mod fcm;
mod http;
mod message;
mod outcome;
mod redact;
pub mod sandbox;
mod sendgrid;
pub mod smtp;
#[cfg(test)]
mod test_server;
mod twilio;
pub mod webhook;

use std::time::Duration;

use futures_util::future::BoxFuture;

pub use base_url::{BaseUrl, InvalidBaseUrl};
pub use config::{
    EmailProviderSettings, ProviderSettings, PushProviderSettings, SmsProviderSettings,
    WebhookProviderSettings,
};
pub use default_sender::read_default_sender;
pub use fcm::{Fcm, FcmSettings, ServiceAccount, ServiceAccountError};
pub use message::{EmailMessage, PushMessage, SmsMessage, WebhookMessage};
pub use outcome::{SendOutcome, truncate};
pub use sendgrid::{Sendgrid, SendgridSettings};
pub use twilio::{Twilio, TwilioSender, TwilioSettings};

/// Sends messages of one type: [`EmailMessage`], [`SmsMessage`], [`PushMessage`] or [`WebhookMessage`].
pub trait Provider<M>: Send + Sync {
    /// The name in settings, in `delivery_attempts` and in metrics, such as `smtp`.
    fn name(&self) -> &'static str;

    /// How much longer than `PROVIDER_TIMEOUT_SECS` a send may take, because the provider has the message and
    /// takes its time to answer.
    fn answer_timeout(&self) -> Duration {
        Duration::ZERO
    }

    /// Sends `message` within `PROVIDER_TIMEOUT_SECS` and [`Provider::answer_timeout`].
    ///
    /// May be called again with the same message at any later time. A provider that supports idempotency
    /// keys gets the message id each time.
    fn send<'a>(&'a self, message: &'a M) -> BoxFuture<'a, SendOutcome>;
}
