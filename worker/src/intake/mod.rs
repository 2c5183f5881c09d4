//! The first stage: messages become rows. What is delivered by more than being recorded is passed
//! on to its channel's queue.

mod record;

use std::collections::{HashMap, HashSet};

use futures_util::future::try_join_all;
use metrics::counter;
use tidings_broker::{Envelope, Failure, Publisher, Router};
use tidings_db::{Database, DbError, DbErrorKind, notifications};
use tidings_domain::notification::{DeliveredChannel, MessageId, Notification, Status};

use crate::consumer::{Outcome, Surroundings, Work};
use record::{Fate, record};

/// The intake stage.
pub struct Intake {
    database: Database,
    publisher: Publisher,
    router: Router,
}

impl Intake {
    /// Records in `database` and passes on through `publisher`.
    #[must_use]
    pub fn new(database: Database, publisher: Publisher, router: Router) -> Self {
        // So that they can be read, as 0, before there is anything to count.
        counter!("tidings_intake_recorded_total").absolute(0);
        counter!("tidings_intake_duplicates_total").absolute(0);
        Self {
            database,
            publisher,
            router,
        }
    }

    /// What follows from a notification that is recorded: its outcome, and whether it must be
    /// passed on to a channel's queue.
    async fn outcome(
        &self,
        notification: &Notification,
        fate: Fate,
    ) -> Result<(Outcome, Option<DeliveredChannel>), DbError> {
        let (status, channel) = match fate {
            Fate::Failed(outcome) => return Ok((outcome, None)),
            Fate::Recorded => (Status::Pending, notification.channel),
            // The row counts, not the message: under one idempotency key the first request wins.
            Fate::Existed(standing) => (standing.status, standing.channel),
        };
        match status {
            Status::Failed => {
                let detail =
                    "the notification has failed before; replay its dead letter".to_owned();
                Ok((
                    Outcome::DeadLetter(Failure::new("already_failed", detail)),
                    None,
                ))
            }
            Status::Pending | Status::Retrying if let Some(channel) = channel.delivered() => {
                Ok((Outcome::Done, Some(channel)))
            }
            Status::Pending => {
                if !matches!(fate, Fate::Recorded) {
                    self.process_replayed(notification.message_id).await?;
                }
                Ok((Outcome::Done, None))
            }
            _ => Ok((Outcome::Done, None)),
        }
    }

    /// An in-app row that waits was replayed: recording it again is its delivery.
    async fn process_replayed(&self, id: MessageId) -> Result<(), DbError> {
        let processed = self
            .database
            .run(async |client| notifications::mark_processed(client, id).await)
            .await;
        processed.map(drop)
    }

    /// Passes on, each id once, all at the same time.
    async fn pass_on(&self, ids: HashMap<MessageId, DeliveredChannel>) -> Result<(), Surroundings> {
        let publishing = ids
            .into_iter()
            .map(|(id, channel)| self.publisher.publish(self.router.delivery(channel, id)));
        let published = try_join_all(publishing).await;
        published
            .map(drop)
            .map_err(|error| Surroundings::Away(error.to_string()))
    }
}

impl Work for Intake {
    async fn process(&self, batch: &[Envelope]) -> Result<Vec<Outcome>, Surroundings> {
        let decoded: Vec<_> = batch
            .iter()
            .map(|message| Notification::decode(&message.body))
            .collect();
        // A message that is in the batch more than once needs to be recorded only once.
        let mut seen = HashSet::new();
        let unique: Vec<&Notification> = decoded
            .iter()
            .flatten()
            .filter(|notification| seen.insert(notification.message_id))
            .collect();
        let fates = record(&self.database, unique).await?;

        let mut outcomes = Vec::with_capacity(batch.len());
        let mut to_pass_on = HashMap::new();
        for (message, decoded) in batch.iter().zip(&decoded) {
            let notification = match decoded {
                Ok(notification) => notification,
                Err(error) => {
                    let failure = Failure::new(error.reason(), error.to_string());
                    outcomes.push(Outcome::DeadLetter(failure));
                    continue;
                }
            };
            let id = notification.message_id;
            let first_time = seen.remove(&id);
            // Every notification has a fate; should one ever have none, trying again is harmless.
            let fate = fates.get(&id).cloned().unwrap_or_else(|| {
                let detail = "the notification was left out of its batch".to_owned();
                Fate::Failed(Outcome::Retry(Failure::new("left_out", detail)))
            });
            count(message, notification, &fate, first_time);
            let (outcome, channel) = self
                .outcome(notification, fate)
                .await
                .map_err(surroundings)?;
            to_pass_on.extend(channel.map(|channel| (id, channel)));
            outcomes.push(outcome);
        }
        self.pass_on(to_pass_on).await?;
        Ok(outcomes)
    }

    async fn given_up(&self, message: &Envelope, failure: &Failure) -> Result<(), Surroundings> {
        // What cannot be decoded names no row.
        let Ok(notification) = Notification::decode(&message.body) else {
            return Ok(());
        };
        let id = notification.message_id;
        let error = format!("{}: {}", failure.reason, failure.detail);
        let failed = self
            .database
            .run(async |client| notifications::mark_failed(client, id, &error).await)
            .await;
        failed.map(drop).map_err(surroundings)
    }

    async fn surroundings_answer(&self) -> bool {
        self.database.ping().await.is_ok() && self.publisher.is_connected()
    }
}

/// What an error of the database means for the messages that met it.
#[expect(
    clippy::needless_pass_by_value,
    reason = "used as the function of map_err"
)]
pub(crate) fn surroundings(error: DbError) -> Surroundings {
    match error.kind() {
        // Data that is refused where nobody expected it is the message's in the end.
        DbErrorKind::Unclear | DbErrorKind::InvalidData | DbErrorKind::MissingReference => {
            Surroundings::Unclear(error.to_string())
        }
        DbErrorKind::Environment => Surroundings::Away(error.to_string()),
    }
}

/// Counts and logs what became of a message. A second copy of it in the same batch is a duplicate,
/// though its row is new.
fn count(message: &Envelope, notification: &Notification, fate: &Fate, first_time: bool) {
    match fate {
        Fate::Recorded if first_time => {
            counter!("tidings_intake_recorded_total").increment(1);
            tracing::debug!(
                request_id = message.request_id(),
                message_id = %notification.message_id,
                user_id = %notification.user_id,
                r#type = notification.channel.as_str(),
                attempt = message.attempt.map(|attempt| attempt.number),
                "notification recorded"
            );
        }
        Fate::Recorded | Fate::Existed(_) => {
            counter!("tidings_intake_duplicates_total").increment(1);
            tracing::info!(message_id = %notification.message_id, "notification was recorded before");
        }
        Fate::Failed(_) => {}
    }
}
