//! What differs between channels: the content, the provider's message and the addresses of a user.

mod email;
mod endpoint_secrets;
mod push;
mod sms;
mod unsubscribe;
mod webhook;

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use tidings_broker::Failure;
use tidings_db::notifications::ClaimedNotification;
use tidings_db::{DbError, Transaction};
use tidings_domain::content::{ChannelContent, Json, Object};
use tidings_domain::notification::{MessageId, UserId};
use url::Url;
use uuid::Uuid;

pub use email::EmailChannel;
pub use endpoint_secrets::EndpointSecrets;
pub use push::PushChannel;
pub use sms::SmsChannel;
pub use webhook::WebhookChannel;

use super::deferral::Deferral;
use super::destinations::WebhookDestinations;
use super::unrecorded::{GoneAddress, OptOut};

/// A channel of [`Delivery`](super::Delivery). The associated types tie content, message and provider
/// together, so that no message reaches the provider of another channel.
pub trait DeliveryChannel: Send + Sync + 'static {
    /// The content of the channel's notifications.
    type Content: ChannelContent + Send + Sync + 'static;
    /// The provider's message to one address.
    type Message: Send + Sync + 'static;
    /// A contact of a user, as it is stored.
    type Contact: Clone + Send + Sync + 'static;

    /// Whether the message carries an id by which every receiver can recognise a duplicate. If so, a message
    /// with an unknown outcome may use all its retries; otherwise `UNKNOWN_MAX` limits them.
    const RECEIVERS_RECOGNISE_DUPLICATES: bool = false;

    /// Whether the content contains its address. Then no contact of the user is read.
    fn has_address(content: &Self::Content) -> bool;

    /// Reads the contacts of users.
    fn contacts(
        &self,
        client: &Transaction<'_>,
        users: &[UserId],
    ) -> impl Future<Output = Result<HashMap<UserId, Vec<Self::Contact>>, DbError>> + Send;

    /// Returns one message for the address in the content, or else one for each of the user's contacts.
    ///
    /// # Errors
    ///
    /// Fails if there is no address.
    fn messages(
        &self,
        id: MessageId,
        claimed: &ClaimedNotification,
        contacts: Vec<Self::Contact>,
        content: Self::Content,
    ) -> Result<Messages<Self::Message>, Failure>;

    /// The destinations, if the channel sends to many; `None` if one provider serves the whole channel.
    fn destinations(&self) -> Option<&Arc<WebhookDestinations>> {
        None
    }

    /// The URL that the message is sent to, if the channel sends to URLs.
    fn destination_url(_message: &Self::Message) -> Option<&Url> {
        None
    }

    /// Bytes of memory that the message occupies, roughly. Needed if the channel sends to URLs.
    fn memory(_message: &Self::Message) -> usize {
        0
    }

    /// The stored address to remove after the provider reported that the address no longer exists.
    fn gone_address(_message: &AddressedMessage<Self::Message>) -> Option<GoneAddress> {
        None
    }

    /// The recipient, after the provider reported that it wants nothing more by this channel.
    fn opt_out(_message: &AddressedMessage<Self::Message>) -> Option<OptOut> {
        None
    }

    /// A variable for the template of a notification that its `variables` lack, with its name.
    fn own_variable(
        &self,
        _claimed: &ClaimedNotification,
        _variables: &Object,
    ) -> Option<(&'static str, Json)> {
        None
    }
}

/// A message to one address of the user.
#[derive(Clone, Debug)]
pub struct AddressedMessage<M> {
    /// The user's contact; `None` for the address in the payload and for the user's own e-mail address.
    pub contact: Option<Uuid>,
    /// The provider's message.
    pub message: M,
}

/// Parses an address from the user's contacts. Addresses are checked when they are added. An invalid one that
/// was written directly into the table is ignored.
fn parse_stored<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn no_recipient(claimed: &ClaimedNotification, what: &str, remedy: &str) -> Failure {
    let detail = match claimed.user_id {
        Some(_) => format!("the user has no {what}: {remedy}, then replay"),
        // The API accepts no such notification.
        None => {
            "the notification has neither a target user nor a recipient in its payload".to_owned()
        }
    };
    Failure::new("no_recipient", detail)
}

/// The messages of a notification.
#[derive(Debug)]
pub struct Messages<M> {
    /// One message for each address.
    pub ready: Vec<AddressedMessage<M>>,
    /// The addresses whose messages cannot be composed yet, because the installation lacks something.
    pub deferred: Vec<DeferredAddress>,
}

impl<M> From<Vec<AddressedMessage<M>>> for Messages<M> {
    fn from(ready: Vec<AddressedMessage<M>>) -> Self {
        Self {
            ready,
            deferred: Vec::new(),
        }
    }
}

/// An address that gets nothing yet.
#[derive(Clone, Debug)]
pub struct DeferredAddress {
    /// The user's contact.
    pub contact: Option<Uuid>,
    /// How long the address waits, and why.
    pub deferral: Deferral,
}
