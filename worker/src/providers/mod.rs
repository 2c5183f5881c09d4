//! The outside world: one trait, and one file a provider, each a thin client of its documented API.
//!
//! A provider knows no queue, no row and no retry. It sends one message and reports what came of it;
//! what follows from a report is the delivery stage's to say.

mod base_url;
mod chosen;
mod fcm;
mod http;
#[cfg(test)]
mod local_server;
mod message;
mod report;
pub mod sandbox;
mod sender;
mod sendgrid;
pub mod smtp;
mod twilio;
pub mod webhook;
mod words;

use futures_util::future::BoxFuture;

pub use base_url::{BaseUrl, InvalidBaseUrl};
pub use chosen::{EmailSettings, ProviderSettings, PushSettings, SmsSettings, WebhookChoice};
pub use fcm::{Fcm, FcmSettings, ServiceAccount, ServiceAccountError};
pub use message::{EmailMessage, PushMessage, TextMessage, WebhookMessage};
pub use report::{Report, clipped};
pub use sender::read_sender;
pub use sendgrid::{Sendgrid, SendgridSettings};
pub use twilio::{Sender, Twilio, TwilioSettings};

/// Sends messages of one kind: [`EmailMessage`], [`TextMessage`], [`PushMessage`] or
/// [`WebhookMessage`].
pub trait Provider<M>: Send + Sync {
    /// What the settings, the timeline and the metrics call it, such as `smtp`.
    fn name(&self) -> &'static str;

    /// Sends `message`, taking no longer than `PROVIDER_TIMEOUT_SECS`, and tells what came of it.
    ///
    /// The same message may be sent again at any later time; a provider that takes an idempotency key
    /// gets the message's id each time.
    fn send<'a>(&'a self, message: &'a M) -> BoxFuture<'a, Report>;
}
