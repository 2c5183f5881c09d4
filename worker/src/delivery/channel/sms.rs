use tidings_db::notifications::ClaimedNotification;
use tidings_db::{Client, phone_numbers};
use tidings_domain::content::Sms;
use tidings_domain::notification::MessageId;

use super::{AddressedMessage, DeliveryChannel, Messages, no_recipient, parse_stored};
use crate::providers::SmsMessage;

/// Text messages: to the number in the payload, or else to the user's newest number.
pub struct SmsChannel;

impl DeliveryChannel for SmsChannel {
    type Content = Sms;
    type Message = SmsMessage;

    async fn messages(
        &self,
        client: &Client,
        id: MessageId,
        claimed: &ClaimedNotification,
        sms: Sms,
    ) -> Messages<SmsMessage> {
        let (contact, to) = match sms.to.clone() {
            Some(to) => (None, Some(to)),
            None => match phone_numbers::newest_address(client, claimed.user_id).await? {
                Some((contact, number)) => (Some(contact), parse_stored(&number)),
                None => (None, None),
            },
        };
        let to = to.ok_or_else(|| no_recipient("phone number", "/contacts/phone-numbers"))?;
        Ok(vec![AddressedMessage {
            contact,
            message: SmsMessage { id, to, sms },
        }])
    }
}
