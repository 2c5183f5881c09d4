use tidings_broker::Failure;
use tidings_db::delivery_attempts::{SettledContact, UnknownAttempts, UsedTemplate};
use tidings_db::notifications::ClaimedNotification;
use tidings_domain::notification::MessageId;
use uuid::Uuid;

use super::channel::{AddressedMessage, Messages};
use super::disposition::Disposition;
use super::failures::unknown_failure;
use super::{Delivery, DeliveryChannel};

/// The messages of one attempt.
pub(super) struct Prepared<M> {
    /// One message for each address that may get one.
    pub(super) messages: Vec<AddressedMessage<M>>,
    /// What is decided about the other addresses.
    pub(super) dispositions: Vec<Disposition>,
    /// The template that rendered the content.
    pub(super) template: Option<UsedTemplate>,
    /// The results of earlier attempts.
    pub(super) earlier: EarlierAttempts,
}

/// The results of the earlier attempts of a notification.
#[derive(Debug, Default)]
pub(super) struct EarlierAttempts {
    /// The addresses with a final result.
    pub(super) settled: Vec<SettledContact>,
    /// The number of sends to each address with an unknown outcome: so often the message may have arrived.
    pub(super) unknown: Vec<UnknownAttempts>,
}

impl EarlierAttempts {
    /// Number of earlier attempts for an address with an unknown outcome.
    pub(super) fn unknown_count(&self, contact: Option<Uuid>) -> u32 {
        let found = self.unknown.iter().find(|one| one.contact_id == contact);
        found.map_or(0, |one| one.count)
    }
}

/// The notification can never be sent.
pub(super) struct Unsendable {
    pub(super) failure: Failure,
    /// The template of the content, if there is one.
    pub(super) template: Option<UsedTemplate>,
}

impl From<Failure> for Unsendable {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            template: None,
        }
    }
}

/// What PostgreSQL knows about a claimed notification.
pub(super) struct KnownNotification<C: DeliveryChannel> {
    pub(super) notification: Box<ClaimedNotification>,
    /// The contacts of the user, as far as the content needs them.
    pub(super) contacts: Vec<C::Contact>,
    pub(super) earlier: EarlierAttempts,
}

impl<C: DeliveryChannel> Delivery<C> {
    /// Makes one message for each address, and leaves out the addresses that need or may get no further copy.
    pub(super) fn prepare(
        &self,
        id: MessageId,
        known: KnownNotification<C>,
        content: C::Content,
        template: Option<UsedTemplate>,
    ) -> Result<Prepared<C::Message>, Unsendable> {
        let KnownNotification {
            notification,
            contacts,
            earlier,
        } = known;
        let messages = self.channel.messages(id, &notification, contacts, content);
        let Messages {
            ready: mut messages,
            deferred,
        } = match messages {
            Ok(messages) => messages,
            Err(failure) => return Err(Unsendable { failure, template }),
        };
        let is_settled = |contact: Option<Uuid>| {
            let is_of = |one: &SettledContact| one.contact_id == contact;
            earlier.settled.iter().any(is_of)
        };
        let waiting = deferred.into_iter().filter(|one| !is_settled(one.contact));
        let mut dispositions: Vec<_> = waiting
            .map(|one| Disposition::Defer(one.deferral))
            .collect();
        messages.retain(|message| {
            let copies = earlier.unknown_count(message.contact);
            // The address may have been reached as often as is allowed, for example because workers ended before they
            // recorded an answer.
            let is_exhausted = copies >= self.max_copies();
            if is_settled(message.contact) {
                return false;
            }
            if is_exhausted {
                let failure = unknown_failure(copies, "not sent again");
                dispositions.push(Disposition::Reject(failure));
            }
            !is_exhausted
        });
        let settled = earlier.settled.iter().cloned();
        dispositions.extend(settled.map(Disposition::from));
        Ok(Prepared {
            messages,
            dispositions,
            template,
            earlier,
        })
    }
}
