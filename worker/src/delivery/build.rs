use std::sync::Arc;

use anyhow::Result;
use tidings_broker::MaxRetries;
use tidings_db::{Database, SecretKeys};
use tidings_unsubscribe::UnsubscribeLinks;

use super::{
    ChannelState, Delivery, DeliveryChannel, DeliverySettings, EmailChannel, EndpointSecrets,
    PushChannel, SmsChannel, WebhookChannel, WebhookDestinations,
};
use crate::providers::{Provider, ProviderSettings, WebhookProviderSettings};

/// The delivery stages of this process: one for each channel that has a provider.
pub struct Deliveries {
    /// The delivery stage of e-mail.
    pub email: Option<Delivery<EmailChannel>>,
    /// The delivery stage of text messages.
    pub sms: Option<Delivery<SmsChannel>>,
    /// The delivery stage of push messages.
    pub push: Option<Delivery<PushChannel>>,
    /// The delivery stage of webhooks.
    pub webhook: Option<Delivery<WebhookChannel>>,
}

impl Deliveries {
    /// Builds the delivery stages and their providers.
    ///
    /// # Errors
    ///
    /// Fails if a provider cannot be built from its settings.
    pub fn build(
        database: &Database,
        settings: DeliverySettings,
        max_retries: MaxRetries,
        providers: ProviderSettings,
        secret_keys: &SecretKeys,
        unsubscribe: Option<UnsubscribeLinks>,
    ) -> Result<Self> {
        let ProviderSettings {
            email,
            sms,
            push,
            webhook,
        } = providers;
        let timeout = settings.provider_timeout;
        let connections = settings.concurrency.email;
        let stages = StageBuilder {
            database,
            settings,
            max_retries,
        };
        Ok(Self {
            email: email
                .map(|email| {
                    stages.stage(
                        EmailChannel { unsubscribe },
                        email.provider(timeout, connections),
                    )
                })
                .transpose()?,
            sms: sms
                .map(|sms| stages.stage(SmsChannel, sms.provider(timeout)))
                .transpose()?,
            push: push
                .map(|push| stages.stage(PushChannel, push.provider(timeout)))
                .transpose()?,
            webhook: webhook
                .map(|webhook| {
                    stages.stage(
                        webhook_channel(&stages.settings, &webhook, secret_keys.clone()),
                        webhook.provider(timeout),
                    )
                })
                .transpose()?,
        })
    }

    /// The states of all channels.
    #[must_use]
    pub fn states(&self) -> Vec<Arc<ChannelState>> {
        fn state<C: DeliveryChannel>(stage: Option<&Delivery<C>>) -> Option<Arc<ChannelState>> {
            stage.map(|stage| Arc::clone(stage.state()))
        }
        let Self {
            email,
            sms,
            push,
            webhook,
        } = self;
        let states = [
            state(email.as_ref()),
            state(sms.as_ref()),
            state(push.as_ref()),
            state(webhook.as_ref()),
        ];
        states.into_iter().flatten().collect()
    }
}

struct StageBuilder<'a> {
    database: &'a Database,
    settings: DeliverySettings,
    max_retries: MaxRetries,
}

impl StageBuilder<'_> {
    fn stage<C: DeliveryChannel>(
        &self,
        channel: C,
        provider: Result<Box<dyn Provider<C::Message>>>,
    ) -> Result<Delivery<C>> {
        Ok(Delivery::new(
            self.database.clone(),
            channel,
            provider?,
            self.settings.clone(),
            self.max_retries,
        ))
    }
}

fn webhook_channel(
    settings: &DeliverySettings,
    provider: &WebhookProviderSettings,
    secret_keys: SecretKeys,
) -> WebhookChannel {
    let destinations = match provider {
        WebhookProviderSettings::Http(_) => Some(Arc::new(WebhookDestinations::new(
            settings.breaker,
            settings.concurrency.webhook.into(),
            settings.provider_timeout,
        ))),
        WebhookProviderSettings::Sandbox(_) => None,
    };
    let signing_secrets = provider.signing_secrets();
    if destinations.is_some() && signing_secrets.is_empty() {
        tracing::warn!(
            "WEBHOOK_SIGNING_SECRET is not set: webhooks to URLs in payloads are not signed"
        );
    }
    WebhookChannel {
        destinations,
        signing_secrets,
        endpoint_secrets: EndpointSecrets::new(secret_keys),
    }
}
