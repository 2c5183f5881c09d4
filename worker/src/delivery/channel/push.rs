use tidings_db::notifications::ClaimedNotification;
use tidings_db::{Client, device_tokens};
use tidings_domain::content::Push;
use tidings_domain::notification::MessageId;

use super::{AddressedMessage, DeliveryChannel, Messages, no_recipient, parse_stored};
use crate::delivery::unrecorded::GoneAddress;
use crate::providers::PushMessage;

/// Push messages: to the device in the payload, or else to all devices of the user.
pub struct PushChannel;

impl DeliveryChannel for PushChannel {
    type Content = Push;
    type Message = PushMessage;

    async fn messages(
        &self,
        client: &Client,
        id: MessageId,
        claimed: &ClaimedNotification,
        push: Push,
    ) -> Messages<PushMessage> {
        let devices = match push.to.clone() {
            Some(to) => vec![(None, to)],
            None => device_tokens::list_addresses(client, claimed.user_id)
                .await?
                .into_iter()
                .filter_map(|(contact, token)| Some((Some(contact), parse_stored(&token)?)))
                .collect(),
        };
        if devices.is_empty() {
            return Err(no_recipient("device", "/contacts/device-tokens").into());
        }
        let message = |(contact, to)| AddressedMessage {
            contact,
            message: PushMessage {
                id,
                to,
                push: push.clone(),
            },
        };
        Ok(devices.into_iter().map(message).collect())
    }

    fn gone_address(addressed: &AddressedMessage<PushMessage>) -> Option<GoneAddress> {
        Some(GoneAddress::Device(addressed.message.to.clone()))
    }
}
