use std::sync::Arc;

use tidings_broker::MaxRetries;
use tidings_db::Database;

use super::{Delivery, DeliverySettings, Destinations, Sender};
use crate::providers::{ProviderSettings, WebhookChoice};

/// A delivery stage for each channel that has a provider.
///
/// # Errors
///
/// Where a provider's settings cannot be used.
pub fn stages(
    database: &Database,
    settings: DeliverySettings,
    max_retries: MaxRetries,
    providers: ProviderSettings,
) -> anyhow::Result<Vec<Delivery>> {
    let timeout = settings.provider_timeout;
    let stage = |sender| {
        Delivery::new(
            database.clone(),
            sender,
            settings,
            max_retries,
            None,
            Vec::new(),
        )
    };
    let mut stages = Vec::new();
    if let Some(email) = providers.email {
        let concurrency = settings.concurrency.email;
        stages.push(stage(Sender::Email(email.provider(timeout, concurrency)?)));
    }
    if let Some(sms) = providers.sms {
        stages.push(stage(Sender::Sms(sms.provider(timeout)?)));
    }
    if let Some(push) = providers.push {
        stages.push(stage(Sender::Push(push.provider(timeout)?)));
    }
    if let Some(webhook) = providers.webhook {
        stages.push(webhooks(database, settings, max_retries, &webhook)?);
    }
    Ok(stages)
}

fn webhooks(
    database: &Database,
    settings: DeliverySettings,
    max_retries: MaxRetries,
    choice: &WebhookChoice,
) -> anyhow::Result<Delivery> {
    let sender = Sender::Webhook(choice.provider(settings.provider_timeout)?);
    let concurrency = settings.concurrency.webhook.into();
    let destinations = match choice {
        WebhookChoice::Http(_) => Some(Arc::new(Destinations::new(
            settings.breaker,
            concurrency,
            settings.provider_timeout,
        ))),
        // A folder is one provider for all.
        WebhookChoice::Sandbox(_) => None,
    };
    let secrets = choice.signing_secrets();
    if destinations.is_some() && secrets.is_empty() {
        tracing::warn!(
            "WEBHOOK_SIGNING_SECRET is not set: webhooks to addresses that payloads name go unsigned"
        );
    }
    Ok(Delivery::new(
        database.clone(),
        sender,
        settings,
        max_retries,
        destinations,
        secrets,
    ))
}
