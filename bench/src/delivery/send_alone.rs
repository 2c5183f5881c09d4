//! The providers of the product alone, without queue and table.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use indicatif::ProgressBar;
use jiff::Timestamp;
use secrecy::SecretString;
use tidings_domain::content::{ChannelContent, Email, Json, Webhook};
use tidings_domain::notification::MessageId;
use tidings_settings::Reader;
use tidings_worker::providers::smtp::{Smtp, SmtpSettings};
use tidings_worker::providers::webhook::{WebhookSender, WebhookSettings};
use tidings_worker::providers::{EmailMessage, Provider, SendOutcome, WebhookMessage};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::receiver::SIGNING_SECRET;
use crate::load::RequestBodies;
use crate::programs::EnvVars;

/// The default of `PROVIDER_TIMEOUT_SECS`.
const PROVIDER_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends webhooks with the provider `http`. Returns how long that took.
///
/// # Errors
///
/// Returns an error if a message is not delivered.
pub async fn webhooks(
    settings: EnvVars,
    bodies: &RequestBodies,
    count: u64,
    concurrency: u16,
    progress: &ProgressBar,
) -> anyhow::Result<Duration> {
    let settings = read(settings, WebhookSettings::read)?;
    let sender = WebhookSender::new(&settings, PROVIDER_TIMEOUT)?;
    let messages = (0..count).map(|number| {
        let webhook = content::<Webhook>(bodies, number)?;
        Ok(WebhookMessage {
            id: MessageId::generate(),
            to: webhook.to.clone().context("the payload names no URL")?,
            accepted_at: Timestamp::now(),
            secrets: vec![SecretString::from(SIGNING_SECRET)],
            webhook,
        })
    });
    let messages = messages.collect::<anyhow::Result<_>>()?;
    send_all(sender, messages, concurrency, progress).await
}

/// Sends e-mails with the provider `smtp`, which trusts `certificate`. Returns how long that took.
///
/// # Errors
///
/// Returns an error if a message is not delivered.
pub async fn emails(
    settings: EnvVars,
    certificate: &str,
    bodies: &RequestBodies,
    count: u64,
    concurrency: u16,
    progress: &ProgressBar,
) -> anyhow::Result<Duration> {
    let settings = read(settings, SmtpSettings::read)?;
    let smtp = Smtp::trusting(settings, PROVIDER_TIMEOUT, concurrency.into(), certificate)?;
    let messages = (0..count).map(|number| {
        let email = content::<Email>(bodies, number)?;
        Ok(EmailMessage {
            id: MessageId::generate(),
            to: email.to.clone().context("the payload names no address")?,
            email,
        })
    });
    let messages = messages.collect::<anyhow::Result<_>>()?;
    send_all(smtp, messages, concurrency, progress).await
}

fn read<T>(settings: EnvVars, section: impl FnOnce(&mut Reader) -> Option<T>) -> anyhow::Result<T> {
    let owned = |(name, value): (&str, String)| (name.to_owned(), value);
    let mut reader = Reader::from_vars(settings.into_iter().map(owned));
    let settings = section(&mut reader);
    Ok(reader.finish(settings)?)
}

fn content<C: ChannelContent>(bodies: &RequestBodies, number: u64) -> anyhow::Result<C> {
    let payload = Json::object(&bodies.payload(number));
    let payload = payload.map_err(|error| anyhow!("the payload is not JSON: {error:?}"))?;
    C::from_payload(&payload).map_err(|problems| anyhow!("wrong payload: {problems:?}"))
}

async fn send_all<M, P>(
    provider: P,
    messages: Vec<M>,
    concurrency: u16,
    progress: &ProgressBar,
) -> anyhow::Result<Duration>
where
    M: Send + Sync + 'static,
    P: Provider<M> + 'static,
{
    let shared = Arc::new((provider, messages, AtomicUsize::new(0)));
    let mut sending = JoinSet::new();
    let began = Instant::now();
    for _ in 0..concurrency {
        let (shared, progress) = (Arc::clone(&shared), progress.clone());
        sending.spawn(async move {
            let (provider, messages, next) = &*shared;
            while let Some(message) = messages.get(next.fetch_add(1, Ordering::Relaxed)) {
                match provider.send(message).await {
                    SendOutcome::Delivered { .. } => progress.inc(1),
                    other => bail!("the provider alone did not deliver a message: {other:?}"),
                }
            }
            Ok(())
        });
    }
    while let Some(done) = sending.join_next().await {
        done??;
    }
    Ok(began.elapsed())
}
