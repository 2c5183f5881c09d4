use std::sync::Arc;

use secrecy::SecretString;
use tidings_broker::Failure;
use tidings_db::notifications::ClaimedNotification;
use tidings_db::webhook_endpoints::{self, SigningEndpoint};
use tidings_db::{Client, DbError};
use tidings_domain::content::Webhook;
use tidings_domain::notification::{MessageId, UserId};
use url::Url;
use uuid::Uuid;

use super::{AddressedMessage, DeliveryChannel, Messages, parse_stored};
use crate::delivery::destinations::WebhookDestinations;
use crate::delivery::unrecorded::GoneAddress;
use crate::providers::WebhookMessage;

/// Webhooks: to the URL in the payload, or else to the user's enabled endpoints.
pub struct WebhookChannel {
    /// `None` for the sandbox, which is one provider for the whole channel.
    pub destinations: Option<Arc<WebhookDestinations>>,
    /// Secrets that sign webhooks to URLs in payloads, newest first.
    pub signing_secrets: Vec<SecretString>,
}

impl DeliveryChannel for WebhookChannel {
    type Content = Webhook;
    type Message = WebhookMessage;

    /// `webhook-id`.
    const RECEIVERS_RECOGNISE_DUPLICATES: bool = true;

    async fn messages(
        &self,
        client: &Client,
        id: MessageId,
        claimed: &ClaimedNotification,
        webhook: Webhook,
    ) -> Messages<WebhookMessage> {
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
            return Ok(vec![message(None, to, self.signing_secrets.clone())]);
        }
        let endpoints = enabled_endpoints(client, claimed.user_id, webhook.endpoint_id).await?;
        let messages: Vec<_> = endpoints
            .into_iter()
            .filter_map(|endpoint| {
                let to = parse_stored(&endpoint.url)?;
                Some(message(Some(endpoint.id), to, endpoint.secrets))
            })
            .collect();
        if messages.is_empty() {
            let what = if webhook.endpoint_id.is_some() {
                "enabled endpoint of this id"
            } else {
                "enabled webhook endpoint"
            };
            let detail =
                format!("the user has no {what}: POST /api/webhook-endpoints, then replay");
            return Err(Failure::new("no_recipient", detail).into());
        }
        Ok(messages)
    }

    fn destinations(&self) -> Option<&Arc<WebhookDestinations>> {
        self.destinations.as_ref()
    }

    fn destination_url(message: &WebhookMessage) -> Option<&Url> {
        Some(message.to.as_url())
    }

    fn gone_address(addressed: &AddressedMessage<WebhookMessage>) -> Option<GoneAddress> {
        let url = addressed.message.to.clone();
        addressed.contact.map(|id| GoneAddress::Endpoint(id, url))
    }
}

/// The user's enabled endpoints, restricted to `wanted` if the payload names one.
async fn enabled_endpoints(
    client: &Client,
    user: UserId,
    wanted: Option<Uuid>,
) -> Result<Vec<SigningEndpoint>, DbError> {
    let Some(id) = wanted else {
        return webhook_endpoints::list_enabled(client, user).await;
    };
    let found = webhook_endpoints::find_for_user(client, id, user).await?;
    Ok(found
        .into_iter()
        .filter(|endpoint| endpoint.enabled)
        .collect())
}
