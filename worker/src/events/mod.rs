//! The stage that translates the events of other programs into the messages that `POST /api/notifications` publishes.
//!
//! An event is acknowledged after its message is confirmed. A redelivery publishes the message again, and the id of the
//! notification, which comes from the key of the event, makes that harmless.

mod event;
mod key;
mod rejection;
mod rules;
mod user_deletions;

use std::collections::HashMap;
use std::sync::Arc;

use jiff::{Timestamp, Unit};
use metrics::counter;
use tidings_broker::{
    Envelope, EventKind, Failure, MessageFactory, Outgoing, PublishError, Publisher, Stage,
};
use tidings_db::{ControlState, Database, users};
use tidings_domain::category::{CategoryKind, CategoryName};
use tidings_domain::content::EmailAddress;
use tidings_domain::notification::{MessageId, Notification, UserId};
use tidings_domain::trace::TraceContext;
use uuid::Uuid;

use crate::consumer::{BatchProcessor, MessageOutcome, Place, ProcessError};
use crate::dead_letters;
use event::Event;
use key::EventKey;
use rejection::Rejection;

pub use rules::EventRules;
pub use user_deletions::UserDeletions;

/// The sender of notifications that come from events, and the actor of deletions.
const SENDER: &str = "events";

/// The kinds of the categories of a batch.
type Categories = HashMap<CategoryName, Option<CategoryKind>>;

/// The users with the addresses of a batch.
type UsersByEmail = HashMap<String, UserId>;

/// The stage for the events of one kind.
pub struct Events {
    kind: EventKind,
    database: Database,
    publisher: Publisher,
    message_factory: MessageFactory,
    rules: EventRules,
    /// The categories that this process knows.
    control: Arc<ControlState>,
    /// The namespace of the ids of events without a key.
    process: Uuid,
}

/// A message with a valid event.
struct ReadEvent<'a> {
    event: Event<'a>,
    key: Option<EventKey>,
    request_id: String,
    /// The id of the notification.
    id: MessageId,
    /// The trace in the headers of the event.
    trace: Option<TraceContext>,
}

impl Events {
    /// Finds users in `database` and publishes with `publisher`.
    #[must_use]
    pub fn new(
        kind: EventKind,
        database: Database,
        publisher: Publisher,
        message_factory: MessageFactory,
        rules: EventRules,
        control: Arc<ControlState>,
    ) -> Self {
        counter!("tidings_events_translated_total", "event" => kind.routing_key()).absolute(0);
        Self {
            kind,
            database,
            publisher,
            message_factory,
            rules,
            control,
            process: Uuid::new_v4(),
        }
    }

    fn read<'a>(&self, message: &'a Envelope) -> Result<ReadEvent<'a>, Failure> {
        let limit = self.rules.max_body_bytes;
        if message.body.len() > limit {
            let detail = format!("the body is larger than {limit} bytes (MAX_BODY_BYTES)");
            return Err(Failure::new("payload_too_large", detail));
        }
        let key = EventKey::of(self.kind, message);
        let event = Event::parse(self.kind, &message.body);
        let (event, key) = match (event, key) {
            (Ok(event), Ok(key)) => (event, key),
            (event, key) => {
                let mut rejection = Rejection::default();
                for error in [event.err(), key.err()].into_iter().flatten() {
                    rejection.object(error);
                }
                rejection.finish()?;
                return Err(Failure::new("invalid_request", "the event cannot be read"));
            }
        };
        self.rules.check(&event)?;
        let id = key.as_ref().map_or_else(
            || MessageId::for_delivery(self.process, message.sequence),
            EventKey::id,
        );
        Ok(ReadEvent {
            event,
            key,
            request_id: request_id(message),
            id,
            trace: message.trace(),
        })
    }

    /// Finds the users with the addresses of the events.
    async fn users(
        &self,
        events: &[Result<ReadEvent<'_>, Failure>],
    ) -> Result<UsersByEmail, ProcessError> {
        let recipients = events
            .iter()
            .flatten()
            .filter_map(|read| read.event.recipient());
        let addresses: Vec<&EmailAddress> = recipients.collect();
        if addresses.is_empty() {
            return Ok(UsersByEmail::new());
        }
        let found = self
            .database
            .run(async |client| users::ids_by_email(client, &addresses).await)
            .await?;
        Ok(found)
    }

    /// Finds the kinds of the events' categories; `None` stands for a category that does not exist. Fails if PostgreSQL cannot
    /// be asked about one that this process does not know: the events are held.
    async fn categories(
        &self,
        events: &[Result<ReadEvent<'_>, Failure>],
    ) -> Result<Categories, ProcessError> {
        let mut kinds = Categories::new();
        let categories = events
            .iter()
            .flatten()
            .filter_map(|read| read.event.category());
        for name in categories {
            let found = self.control.find_category(&self.database, name).await?;
            kinds.insert(name.clone(), found);
        }
        Ok(kinds)
    }

    /// Turns an event into its notification.
    fn notification(
        &self,
        read: &ReadEvent<'_>,
        users: &UsersByEmail,
    ) -> Result<Notification, Failure> {
        let now = Timestamp::now();
        // The precision of `timestamptz`.
        let accepted_at = now.round(Unit::Microsecond).unwrap_or(now);
        let notification = Notification {
            message_id: read.id,
            sender: Some(SENDER.to_owned()),
            fingerprint: read.key.as_ref().map(|_| read.event.fingerprint()),
            trace: read.trace.clone(),
            ..read.event.notification(accepted_at, users, &self.rules)?
        };
        Ok(notification)
    }

    async fn publish(
        &self,
        messages: Vec<(MessageId, Outgoing)>,
    ) -> Result<HashMap<MessageId, Failure>, ProcessError> {
        let (ids, messages): (Vec<_>, Vec<_>) = messages.into_iter().unzip();
        let published = self.publisher.publish_all(messages).await;
        let mut failed = HashMap::new();
        for (id, result) in ids.into_iter().zip(published) {
            match result {
                Ok(()) => {}
                Err(error @ PublishError::TooLarge) => {
                    failed.insert(id, Failure::new("too_large", error.to_string()));
                }
                Err(error) => return Err(ProcessError::Environment(error.to_string())),
            }
        }
        Ok(failed)
    }
}

impl BatchProcessor for Events {
    async fn process(
        &self,
        batch: &[Envelope],
        _: &Place,
    ) -> Result<Vec<MessageOutcome>, ProcessError> {
        let read: Vec<_> = batch.iter().map(|message| self.read(message)).collect();
        let users = self.users(&read).await?;
        let categories = self.categories(&read).await?;
        let mut messages = Vec::with_capacity(batch.len());
        let mut translated = Vec::with_capacity(batch.len());
        for read in read {
            translated.push(read.and_then(|read| {
                self.rules.check_category(&read.event, &categories)?;
                let notification = self.notification(&read, &users)?;
                let message = self.message_factory.intake(&notification, &read.request_id);
                messages.push((read.id, message));
                Ok(read)
            }));
        }
        let failed = self.publish(messages).await?;
        let outcomes = translated.into_iter().map(|translated| {
            let failure = match &translated {
                Ok(read) => failed.get(&read.id).cloned(),
                Err(failure) => Some(failure.clone()),
            };
            if let Some(failure) = failure {
                return MessageOutcome::DeadLetter(failure);
            }
            if let Ok(read) = translated {
                self.count(&read);
            }
            MessageOutcome::Done
        });
        Ok(outcomes.collect())
    }

    /// An event has no row.
    async fn record_dead_letter(
        &self,
        message: &Envelope,
        failure: &Failure,
    ) -> Result<(), ProcessError> {
        let stage = Some(Stage::Event(self.kind));
        dead_letters::record_without_row(&self.database, message, stage, failure).await?;
        Ok(())
    }

    async fn servers_respond(&self) -> bool {
        self.publisher.is_connected() && self.database.ping().await.is_ok()
    }
}

impl Events {
    fn count(&self, read: &ReadEvent<'_>) {
        counter!("tidings_events_translated_total", "event" => self.kind.routing_key())
            .increment(1);
        tracing::debug!(
            request_id = read.request_id,
            message_id = %read.id,
            event = self.kind.routing_key(),
            "event translated"
        );
    }
}

/// The correlation id, if it has the form of a request id (1 to 128 of `A-Z a-z 0-9 - _ .`), or a new id.
fn request_id(message: &Envelope) -> String {
    let is_valid = |id: &&str| {
        (1..=128).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    let own = message.request_id().filter(is_valid);
    own.map_or_else(|| Uuid::now_v7().to_string(), ToOwned::to_owned)
}
