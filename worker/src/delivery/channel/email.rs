use std::collections::HashMap;
use std::convert::Infallible;

use tidings_broker::Failure;
use tidings_db::notifications::ClaimedNotification;
use tidings_db::{DbError, Transaction};
use tidings_domain::content::{Email, Json, Object};
use tidings_domain::notification::{MessageId, UserId};
use tidings_unsubscribe::UnsubscribeLinks;

use super::{AddressedMessage, DeliveryChannel, Messages, no_recipient, parse_stored};
use crate::providers::EmailMessage;

/// E-mail: to the address in the payload, or else to the user's own address.
pub struct EmailChannel {
    /// Makes the links to unsubscribe.
    pub unsubscribe: Option<UnsubscribeLinks>,
}

impl DeliveryChannel for EmailChannel {
    type Content = Email;
    type Message = EmailMessage;
    /// The user's own address comes with the claim.
    type Contact = Infallible;

    fn has_address(_email: &Email) -> bool {
        true
    }

    async fn contacts(
        &self,
        _client: &Transaction<'_>,
        _users: &[UserId],
    ) -> Result<HashMap<UserId, Vec<Infallible>>, DbError> {
        Ok(HashMap::new())
    }

    fn messages(
        &self,
        id: MessageId,
        claimed: &ClaimedNotification,
        _contacts: Vec<Infallible>,
        mut email: Email,
    ) -> Result<Messages<EmailMessage>, Failure> {
        let own = || parse_stored(claimed.user_email.as_deref()?);
        let to = email.to.clone().or_else(own);
        let to = to.ok_or_else(|| {
            let remedy = "add one at /api/users/{userId}/contacts/email";
            no_recipient(claimed, "e-mail address", remedy)
        })?;
        email.unsubscribe_url = self.unsubscribe_url(claimed, &to, email.unsubscribe_url)?;
        let message = AddressedMessage {
            contact: None,
            message: EmailMessage { id, to, email },
        };
        Ok(vec![message].into())
    }

    fn own_variable(
        &self,
        claimed: &ClaimedNotification,
        variables: &Object,
    ) -> Option<(&'static str, Json)> {
        self.unsubscribe_variable(claimed, variables)
    }
}
