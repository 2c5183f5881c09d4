use std::collections::HashMap;
use std::sync::Arc;

use secrecy::SecretString;
use tidings_broker::Failure;
use tidings_db::notifications::ClaimedNotification;
use tidings_db::webhook_endpoints::{self, SigningEndpoint};
use tidings_db::{DbError, Transaction};
use tidings_domain::content::Webhook;
use tidings_domain::notification::{MessageId, UserId};
use url::Url;

use super::endpoint_secrets::waiting_for_key;
use super::{
    AddressedMessage, DeliveryChannel, EndpointSecrets, Messages, no_recipient, parse_stored,
};
use crate::delivery::destinations::WebhookDestinations;
use crate::delivery::unrecorded::GoneAddress;
use crate::providers::WebhookMessage;

/// Webhooks: to the URL in the payload, or else to the user's enabled endpoints.
pub struct WebhookChannel {
    /// `None` for the sandbox, which is one provider for the whole channel.
    pub destinations: Option<Arc<WebhookDestinations>>,
    /// Secrets that sign webhooks to URLs in payloads, newest first.
    pub signing_secrets: Vec<SecretString>,
    /// The secrets of endpoints.
    pub endpoint_secrets: EndpointSecrets,
}

impl DeliveryChannel for WebhookChannel {
    type Content = Webhook;
    type Message = WebhookMessage;
    type Contact = SigningEndpoint;

    /// `webhook-id`.
    const RECEIVERS_RECOGNISE_DUPLICATES: bool = true;

    fn has_address(webhook: &Webhook) -> bool {
        webhook.to.is_some()
    }

    async fn contacts(
        &self,
        client: &Transaction<'_>,
        users: &[UserId],
    ) -> Result<HashMap<UserId, Vec<SigningEndpoint>>, DbError> {
        webhook_endpoints::list_enabled(client, users, &self.endpoint_secrets.keys).await
    }

    fn messages(
        &self,
        id: MessageId,
        claimed: &ClaimedNotification,
        contacts: Vec<SigningEndpoint>,
        webhook: Webhook,
    ) -> Result<Messages<WebhookMessage>, Failure> {
        let message = |contact, to, secrets| AddressedMessage {
            contact,
            message: WebhookMessage {
                id,
                to,
                accepted_at: claimed.created_at,
                secrets,
                webhook: webhook.clone(),
            },
        };
        if let Some(to) = webhook.to.clone() {
            return Ok(vec![message(None, to, self.signing_secrets.clone())].into());
        }
        let wanted = |id| webhook.endpoint_id.is_none_or(|wanted| wanted == id);
        let mut messages = Messages::from(Vec::new());
        for endpoint in contacts.iter().filter(|endpoint| wanted(endpoint.id)) {
            let Some(to) = parse_stored(&endpoint.url) else {
                continue;
            };
            match self.endpoint_secrets.signing(endpoint) {
                Some(secrets) => {
                    let ready = message(Some(endpoint.id), to, secrets);
                    messages.ready.push(ready);
                }
                None => messages.deferred.push(waiting_for_key(endpoint.id)),
            }
        }
        if messages.ready.is_empty() && messages.deferred.is_empty() {
            let what = if webhook.endpoint_id.is_some() {
                "enabled endpoint of this id"
            } else {
                "enabled webhook endpoint"
            };
            return Err(no_recipient(claimed, what, "POST /api/webhook-endpoints"));
        }
        Ok(messages)
    }

    fn destinations(&self) -> Option<&Arc<WebhookDestinations>> {
        self.destinations.as_ref()
    }

    fn destination_url(message: &WebhookMessage) -> Option<&Url> {
        Some(message.to.as_url())
    }

    fn memory(message: &WebhookMessage) -> usize {
        message.webhook.data.memory()
    }

    fn gone_address(addressed: &AddressedMessage<WebhookMessage>) -> Option<GoneAddress> {
        let url = addressed.message.to.clone();
        addressed.contact.map(|id| GoneAddress::Endpoint(id, url))
    }
}
