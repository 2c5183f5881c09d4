use tidings_db::Client;
use tidings_db::notifications::ClaimedNotification;
use tidings_domain::content::Email;
use tidings_domain::notification::MessageId;

use super::{AddressedMessage, DeliveryChannel, Messages, no_recipient, parse_stored};
use crate::providers::EmailMessage;

/// E-mail: to the address in the payload, or else to the user's own address.
pub struct EmailChannel;

impl DeliveryChannel for EmailChannel {
    type Content = Email;
    type Message = EmailMessage;

    async fn messages(
        &self,
        _client: &Client,
        id: MessageId,
        claimed: &ClaimedNotification,
        email: Email,
    ) -> Messages<EmailMessage> {
        let own = || parse_stored(claimed.user_email.as_deref()?);
        let to = email.to.clone().or_else(own);
        let to = to.ok_or_else(|| no_recipient("e-mail address", "/contacts/email"))?;
        Ok(vec![AddressedMessage {
            contact: None,
            message: EmailMessage { id, to, email },
        }])
    }
}
