use metrics::counter;
use tidings_broker::{Envelope, EventKind, Failure, Stage};
use tidings_db::audit::{ActorKind, AuditOrigin};
use tidings_db::user_deletions::{self, RequestResult};
use tidings_db::{Database, IsolationLevel, TransactionOptions};
use tidings_requests::UserDeleteEvent;

use super::rejection::Rejection;
use super::{EventRules, SENDER};
use crate::consumer::{BatchProcessor, MessageOutcome, Place, ProcessError};
use crate::dead_letters;

/// The stage for the events `user.delete`: requests the deletion of users. A redelivery changes nothing.
pub struct UserDeletions {
    database: Database,
    rules: EventRules,
}

impl UserDeletions {
    /// Requests deletions in `database`.
    #[must_use]
    pub fn new(database: Database, rules: EventRules) -> Self {
        translated().absolute(0);
        Self { database, rules }
    }

    fn read(&self, message: &Envelope) -> Result<UserDeleteEvent, Failure> {
        let limit = self.rules.max_body_bytes;
        if message.body.len() > limit {
            let detail = format!("the body is larger than {limit} bytes (MAX_BODY_BYTES)");
            return Err(Failure::new("payload_too_large", detail));
        }
        UserDeleteEvent::parse(&message.body).map_err(|error| {
            let mut rejection = Rejection::default();
            rejection.object(error);
            let failure = rejection.finish().err();
            failure.unwrap_or_else(|| Failure::new("invalid_request", "the event cannot be read"))
        })
    }

    async fn request(&self, message: &Envelope) -> Result<MessageOutcome, ProcessError> {
        let user = match self.read(message) {
            Ok(event) => event.user_id,
            Err(failure) => return Ok(MessageOutcome::DeadLetter(failure)),
        };
        let origin = AuditOrigin::new(ActorKind::System, SENDER);
        let settings = &self.rules.deletions;
        let options = TransactionOptions {
            isolation: IsolationLevel::Serializable,
            ..TransactionOptions::default()
        };
        let result = self
            .database
            .transaction(options, async |transaction| {
                user_deletions::request(transaction, &origin, user, settings, None).await
            })
            .await?;
        let failure = match result {
            RequestResult::Requested(_) | RequestResult::Existed(_) => {
                translated().increment(1);
                return Ok(MessageOutcome::Done);
            }
            RequestResult::LastAdmin => Failure::new("last_admin", "no other user is an admin"),
            RequestResult::UnknownUser => {
                Failure::new("unknown_user", format!("there is no user {user}"))
            }
        };
        Ok(MessageOutcome::DeadLetter(failure))
    }
}

fn translated() -> metrics::Counter {
    counter!("tidings_events_translated_total", "event" => EventKind::UserDelete.routing_key())
}

impl BatchProcessor for UserDeletions {
    async fn process(
        &self,
        batch: &[Envelope],
        _: &Place,
    ) -> Result<Vec<MessageOutcome>, ProcessError> {
        let mut outcomes = Vec::with_capacity(batch.len());
        for message in batch {
            outcomes.push(self.request(message).await?);
        }
        Ok(outcomes)
    }

    /// An event has no row.
    async fn record_dead_letter(
        &self,
        message: &Envelope,
        failure: &Failure,
    ) -> Result<(), ProcessError> {
        let stage = Some(Stage::Event(EventKind::UserDelete));
        dead_letters::record_without_row(&self.database, message, stage, failure).await?;
        Ok(())
    }

    async fn servers_respond(&self) -> bool {
        self.database.ping().await.is_ok()
    }
}
