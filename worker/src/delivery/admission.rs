//! Permits for sends: a webhook needs a permit of its destination.

use std::sync::Arc;

use tidings_db::delivery_attempts::UsedTemplate;
use tidings_domain::notification::MessageId;
use url::Url;

use super::channel::AddressedMessage;
use super::deferral::Deferral;
use super::destinations::{DestinationUnavailable, SendPermit, WebhookDestinations};
use super::disposition::Disposition;
use super::prepare::Prepared;
use super::wait_keys::url_key;
use super::{Delivery, DeliveryChannel};

/// What an attempt sends now.
pub(super) struct Admitted<M> {
    /// The messages that have their permits.
    pub(super) sends: Vec<AdmittedSend<M>>,
    /// What is decided about the other addresses.
    pub(super) dispositions: Vec<Disposition>,
    /// Whether this is the first try for every address.
    pub(super) is_first: bool,
    pub(super) template: Option<UsedTemplate>,
}

/// A message that may be sent now.
pub(super) struct AdmittedSend<M> {
    pub(super) message: AddressedMessage<M>,
    /// Number of earlier attempts for this address with an unknown outcome.
    pub(super) unknown_before: u32,
    /// `None` if one provider serves the whole channel.
    pub(super) permit: Option<SendPermit>,
}

/// Whether an attempt can begin now.
pub(super) enum Admission<M> {
    /// It can, or there is nothing to send.
    Admitted(Admitted<M>),
    /// No message has a permit, and at least one destination will have a permit as soon as one of its sends ends.
    Busy(Prepared<M>),
}

type Permit = Result<Option<SendPermit>, DestinationUnavailable>;

impl<C: DeliveryChannel> Delivery<C> {
    /// The URL of a message and the channel's destinations; `None` if one provider serves the whole channel.
    pub(super) fn destination<'a>(
        &'a self,
        message: &'a C::Message,
    ) -> Option<(&'a Arc<WebhookDestinations>, &'a Url)> {
        self.channel.destinations().zip(C::destination_url(message))
    }

    /// Takes the permits that are free, without waiting.
    pub(super) fn admit_now(
        &self,
        id: MessageId,
        prepared: Prepared<C::Message>,
    ) -> Admission<C::Message> {
        let permits = self.permits_now(id, &prepared.messages);
        if is_busy(&permits) {
            return Admission::Busy(prepared);
        }
        Admission::Admitted(self.admitted(prepared, permits))
    }

    /// Takes the permits that are free. If none is free, waits for one. Never waits for a second permit: meanwhile the
    /// first one would be unused, and other messages to its host would have to wait too.
    pub(super) async fn admit(
        &self,
        id: MessageId,
        prepared: Prepared<C::Message>,
    ) -> Admitted<C::Message> {
        let mut permits = self.permits_now(id, &prepared.messages);
        if is_busy(&permits) {
            for (permit, message) in permits.iter_mut().zip(&prepared.messages) {
                if let Err(DestinationUnavailable::Busy) = permit
                    && let Some((destinations, url)) = self.destination(&message.message)
                {
                    *permit = destinations.acquire(url, id).await.map(Some);
                    break;
                }
            }
        }
        self.admitted(prepared, permits)
    }

    fn permits_now(&self, id: MessageId, messages: &[AddressedMessage<C::Message>]) -> Vec<Permit> {
        let permit = |message: &AddressedMessage<_>| match self.destination(&message.message) {
            Some((destinations, url)) => destinations.acquire_now(url, id).map(Some),
            None => Ok(None),
        };
        messages.iter().map(permit).collect()
    }

    fn admitted(
        &self,
        prepared: Prepared<C::Message>,
        permits: Vec<Permit>,
    ) -> Admitted<C::Message> {
        let mut dispositions = prepared.dispositions;
        let is_first = dispositions.is_empty();
        let mut sends = Vec::new();
        for (message, permit) in prepared.messages.into_iter().zip(permits) {
            match permit {
                Ok(permit) => sends.push(AdmittedSend {
                    unknown_before: prepared.earlier.unknown_count(message.contact),
                    message,
                    permit,
                }),
                Err(unavailable) => {
                    let deferral = self.deferral(&message, unavailable);
                    dispositions.push(Disposition::Defer(deferral));
                }
            }
        }
        Admitted {
            sends,
            dispositions,
            is_first,
            template: prepared.template,
        }
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

/// Whether there is no permit for any message, but one becomes free as soon as a send ends.
fn is_busy(permits: &[Permit]) -> bool {
    let busy = |permit: &Permit| matches!(permit, Err(DestinationUnavailable::Busy));
    permits.iter().all(Result::is_err) && permits.iter().any(busy)
}
