use futures_util::future::try_join;
use tidings_broker::Failure;
use tidings_db::DbError;
use tidings_db::delivery_attempts::{self, SettledContact, UnknownAttempts, UsedTemplate};
use tidings_db::notifications::ClaimedNotification;
use tidings_domain::notification::MessageId;
use uuid::Uuid;

use super::channel::AddressedMessage;
use super::{Delivery, DeliveryChannel};

/// The messages of one attempt.
pub(super) struct Prepared<M> {
    /// One message for each address without a final result.
    pub(super) messages: Vec<AddressedMessage<M>>,
    /// The template that rendered the content.
    pub(super) template: Option<UsedTemplate>,
    /// The addresses with a final result of an earlier attempt.
    pub(super) settled: Vec<SettledContact>,
    /// How often the message may have arrived at each address.
    pub(super) unknown: Vec<UnknownAttempts>,
}

impl<M> Prepared<M> {
    /// Number of earlier attempts for an address with an unknown outcome.
    pub(super) fn unknown_count(&self, contact: Option<Uuid>) -> u32 {
        let found = self.unknown.iter().find(|one| one.contact_id == contact);
        found.map_or(0, |one| one.count)
    }
}

/// The notification can never be sent.
pub struct Unsendable {
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

/// Why no messages were prepared.
pub enum PrepareError {
    /// A query failed.
    Database(DbError),
    /// The notification can never be sent.
    Unsendable(Unsendable),
}

impl From<DbError> for PrepareError {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

impl From<Failure> for PrepareError {
    fn from(failure: Failure) -> Self {
        Self::Unsendable(failure.into())
    }
}

impl PrepareError {
    pub(super) fn with_template(self, template: Option<&UsedTemplate>) -> Self {
        match self {
            Self::Unsendable(unsendable) => Self::Unsendable(Unsendable {
                template: template.cloned(),
                ..unsendable
            }),
            database @ Self::Database(_) => database,
        }
    }
}

impl<C: DeliveryChannel> Delivery<C> {
    /// Reads the content and finds the addresses. Uses no connection to PostgreSQL while it renders a template.
    pub(super) async fn prepare(
        &self,
        id: MessageId,
        claimed: &ClaimedNotification,
    ) -> Result<Result<Prepared<C::Message>, Unsendable>, DbError> {
        match self.try_prepare(id, claimed).await {
            Ok(prepared) => Ok(Ok(prepared)),
            Err(PrepareError::Unsendable(unsendable)) => Ok(Err(unsendable)),
            Err(PrepareError::Database(error)) => Err(error),
        }
    }

    async fn try_prepare(
        &self,
        id: MessageId,
        claimed: &ClaimedNotification,
    ) -> Result<Prepared<C::Message>, PrepareError> {
        let (content, template) = self.content(claimed).await?;
        let (settled, unknown, messages) = self
            .database
            .run(async |client| {
                // Sent together, in one round trip.
                let (settled, unknown) = try_join(
                    delivery_attempts::list_settled_contacts(client, id),
                    delivery_attempts::list_unknown(client, id),
                )
                .await?;
                let messages = match self.channel.messages(client, id, claimed, content).await {
                    Ok(messages) => Ok(messages),
                    Err(PrepareError::Unsendable(unsendable)) => Err(unsendable),
                    Err(PrepareError::Database(error)) => return Err(error),
                };
                Ok((settled, unknown, messages))
            })
            .await?;
        let mut messages = messages.map_err(|unsendable| {
            PrepareError::Unsendable(unsendable).with_template(template.as_ref())
        })?;
        messages.retain(|message| !settled.iter().any(|one| one.contact_id == message.contact));
        Ok(Prepared {
            messages,
            template,
            settled,
            unknown,
        })
    }
}
