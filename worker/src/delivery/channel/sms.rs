use std::collections::HashMap;

use tidings_broker::Failure;
use tidings_db::notifications::ClaimedNotification;
use tidings_db::{DbError, Transaction, phone_numbers};
use tidings_domain::content::Sms;
use tidings_domain::notification::{MessageId, UserId};
use tidings_domain::preference::AddressHash;
use uuid::Uuid;

use super::{AddressedMessage, DeliveryChannel, Messages, no_recipient, parse_stored};
use crate::delivery::unrecorded::OptOut;
use crate::providers::SmsMessage;

/// Text messages: to the number in the payload, or else to the user's newest number.
pub struct SmsChannel;

impl DeliveryChannel for SmsChannel {
    type Content = Sms;
    type Message = SmsMessage;
    /// The id of the newest phone number, and the number.
    type Contact = (Uuid, String);

    fn has_address(sms: &Sms) -> bool {
        sms.to.is_some()
    }

    async fn contacts(
        &self,
        client: &Transaction<'_>,
        users: &[UserId],
    ) -> Result<HashMap<UserId, Vec<(Uuid, String)>>, DbError> {
        let newest = phone_numbers::newest_addresses(client, users).await?;
        let contacts = newest.into_iter().map(|(user, one)| (user, vec![one]));
        Ok(contacts.collect())
    }

    fn messages(
        &self,
        id: MessageId,
        claimed: &ClaimedNotification,
        contacts: Vec<(Uuid, String)>,
        sms: Sms,
    ) -> Result<Messages<SmsMessage>, Failure> {
        let (contact, to) = match (sms.to.clone(), contacts.first()) {
            (Some(to), _) => (None, Some(to)),
            (None, Some((contact, number))) => (Some(*contact), parse_stored(number)),
            (None, None) => (None, None),
        };
        let to = to.ok_or_else(|| {
            let remedy = "add one at /api/users/{userId}/contacts/phone-numbers";
            no_recipient(claimed, "phone number", remedy)
        })?;
        let message = AddressedMessage {
            contact,
            message: SmsMessage { id, to, sms },
        };
        Ok(vec![message].into())
    }

    fn opt_out(message: &AddressedMessage<SmsMessage>) -> Option<OptOut> {
        Some(match message.contact {
            Some(contact) => OptOut::PhoneNumber(contact),
            None => OptOut::Address(AddressHash::from(&message.message.to)),
        })
    }
}
