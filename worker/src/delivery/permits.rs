use std::sync::Arc;

use tidings_domain::notification::MessageId;
use url::Url;

use super::channel::AddressedMessage;
use super::destinations::{DestinationUnavailable, SendPermit, WebhookDestinations};
use super::disposition::Deferral;
use super::wait_keys::url_key;
use super::{Delivery, DeliveryChannel};

/// Permission for one send; `None` if one provider serves the whole channel.
type Permit = Result<Option<SendPermit>, Deferral>;

impl<C: DeliveryChannel> Delivery<C> {
    /// The URL of a message and the channel's destinations; `None` if one provider serves the whole channel.
    pub(super) fn destination<'a>(
        &'a self,
        message: &'a C::Message,
    ) -> Option<(&'a Arc<WebhookDestinations>, &'a Url)> {
        self.channel.destinations().zip(C::destination_url(message))
    }

    /// Acquires permission to send each message of the notification `id` to its destination.
    ///
    /// Waits for a permit only if there is none for any of the messages: permits that wait for others would keep
    /// busy what others wait for, such as the host of all endpoints of a user.
    pub(super) async fn permits(
        &self,
        id: MessageId,
        messages: Vec<AddressedMessage<C::Message>>,
    ) -> Vec<(AddressedMessage<C::Message>, Permit)> {
        let mut permits: Vec<_> = messages
            .iter()
            .map(|message| match self.destination(&message.message) {
                Some((destinations, url)) => destinations.acquire_now(url, id).map(Some),
                None => Ok(None),
            })
            .collect();
        if permits.iter().all(Result::is_err) {
            for (permit, message) in permits.iter_mut().zip(&messages) {
                if let Err(DestinationUnavailable::Busy) = permit
                    && let Some((destinations, url)) = self.destination(&message.message)
                {
                    *permit = destinations.acquire(url, id).await.map(Some);
                    break;
                }
            }
        }
        let permits = permits.into_iter().zip(messages);
        permits
            .map(|(permit, message)| {
                let permit = permit.map_err(|unavailable| self.deferral(&message, unavailable));
                (message, permit)
            })
            .collect()
    }

    fn deferral(
        &self,
        message: &AddressedMessage<C::Message>,
        unavailable: DestinationUnavailable,
    ) -> Deferral {
        let deferral = Deferral::from(unavailable);
        match self.destination(&message.message) {
            Some((_, url)) => deferral.waiting_for(url_key(url)),
            None => deferral,
        }
    }
}
