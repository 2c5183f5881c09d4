use std::collections::HashMap;

use tidings_broker::Failure;
use tidings_db::notifications::ClaimedNotification;
use tidings_db::{DbError, Transaction, device_tokens};
use tidings_domain::content::Push;
use tidings_domain::notification::{MessageId, UserId};
use uuid::Uuid;

use super::{AddressedMessage, DeliveryChannel, Messages, no_recipient, parse_stored};
use crate::delivery::unrecorded::GoneAddress;
use crate::providers::PushMessage;

/// Push messages: to the device in the payload, or else to all devices of the user.
pub struct PushChannel;

impl DeliveryChannel for PushChannel {
    type Content = Push;
    type Message = PushMessage;
    /// The id and the token of a device.
    type Contact = (Uuid, String);

    fn has_address(push: &Push) -> bool {
        push.to.is_some()
    }

    async fn contacts(
        &self,
        client: &Transaction<'_>,
        users: &[UserId],
    ) -> Result<HashMap<UserId, Vec<(Uuid, String)>>, DbError> {
        device_tokens::list_addresses(client, users).await
    }

    fn messages(
        &self,
        id: MessageId,
        claimed: &ClaimedNotification,
        contacts: Vec<(Uuid, String)>,
        push: Push,
    ) -> Result<Messages<PushMessage>, Failure> {
        let devices: Vec<_> = match push.to.clone() {
            Some(to) => vec![(None, to)],
            None => contacts
                .into_iter()
                .filter_map(|(contact, token)| Some((Some(contact), parse_stored(&token)?)))
                .collect(),
        };
        if devices.is_empty() {
            let remedy = "add one at /api/users/{userId}/contacts/device-tokens";
            return Err(no_recipient(claimed, "device", remedy));
        }
        let message = |(contact, to)| AddressedMessage {
            contact,
            message: PushMessage {
                id,
                to,
                push: push.clone(),
                expires_at: claimed.window.expires_at,
            },
        };
        let messages: Vec<_> = devices.into_iter().map(message).collect();
        Ok(messages.into())
    }

    fn gone_address(addressed: &AddressedMessage<PushMessage>) -> Option<GoneAddress> {
        Some(GoneAddress::Device(addressed.message.to.clone()))
    }
}
