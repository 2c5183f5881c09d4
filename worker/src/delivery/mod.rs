//! The second stage: rows reach the outside world. One [`Delivery`] serves one channel through one
//! provider.

mod assemble;
mod breaker;
mod channel_state;
mod claim;
mod destinations;
mod effect;
mod prepare;
mod record;
mod send;
mod sender;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;
use tidings_broker::{Destination, Envelope, Failure, MaxRetries, WaitTime};
use tidings_db::{Database, DbError, notifications};
use tidings_domain::notification::{DeliveredChannel, DeliveryRequest, MessageId};
use tokio::time::Instant;

pub use assemble::stages;
pub use breaker::BreakerSettings;
pub use channel_state::{ChannelReport, ChannelState};
pub use destinations::Destinations;
pub use sender::{Message, Parcel, Sender};
pub use settings::DeliverySettings;

use crate::consumer::{Outcome, Surroundings, Work};
use crate::intake::surroundings;
use claim::Turn;
use effect::{Effect, Postponed};
use record::Unrecorded;

/// The delivery stage of one channel.
pub struct Delivery {
    database: Database,
    sender: Sender,
    settings: DeliverySettings,
    /// Retries after a message's first attempt.
    max_retries: u32,
    state: Arc<ChannelState>,
    /// Where the provider is not one for the whole channel but one a destination.
    destinations: Option<Arc<Destinations>>,
    /// Sign webhooks to addresses that payloads name.
    signing_secrets: Vec<SecretString>,
    /// What was sent and is not recorded yet.
    unrecorded: Unrecorded,
}

impl Delivery {
    /// Delivers what `database` holds through `sender`.
    #[must_use]
    pub fn new(
        database: Database,
        sender: Sender,
        settings: DeliverySettings,
        max_retries: MaxRetries,
        destinations: Option<Arc<Destinations>>,
        signing_secrets: Vec<SecretString>,
    ) -> Self {
        let max_retries = max_retries.of(Destination::Delivery(sender.channel()));
        let state = ChannelState::new(
            sender.channel(),
            sender.name(),
            settings.breaker,
            destinations.clone(),
        );
        Self {
            database,
            sender,
            settings,
            max_retries,
            state: Arc::new(state),
            destinations,
            signing_secrets,
            unrecorded: Unrecorded::default(),
        }
    }

    /// The channel.
    #[must_use]
    pub const fn channel(&self) -> DeliveredChannel {
        self.sender.channel()
    }

    /// Whether the channel delivers.
    #[must_use]
    pub const fn state(&self) -> &Arc<ChannelState> {
        &self.state
    }

    async fn deliver(&self, message: &Envelope) -> Result<Outcome, DbError> {
        let request = match DeliveryRequest::decode(&message.body) {
            Ok(request) => request,
            Err(error) => {
                let failure = Failure::new(error.reason(), error.to_string());
                return Ok(Outcome::DeadLetter(failure));
            }
        };
        let now = Timestamp::now();
        if let Some(time) = message.not_before().filter(|time| *time > now) {
            return Ok(Effect::Later(Postponed::until(time, now, "")).outcome());
        }
        let id = request.message_id;
        // An attempt that cannot be read counts as the last one, and is behind no row's.
        let attempt = message.attempt.map_or(u32::MAX, |attempt| attempt.number);
        if let Some(outcome) = self.record_again(id).await? {
            return Ok(outcome);
        }
        let claimed_at = Instant::now();
        match self.claim(id, attempt).await? {
            Turn::Ours(claimed) => self.attempt(message, id, claimed_at, *claimed).await,
            Turn::Not(outcome) => Ok(outcome),
        }
    }

    /// One attempt, from the content of the row to the record of what came of it.
    async fn attempt(
        &self,
        message: &Envelope,
        id: MessageId,
        claimed_at: Instant,
        claimed: notifications::ClaimedNotification,
    ) -> Result<Outcome, DbError> {
        let attempt = message.attempt.map_or(0, |attempt| attempt.number);
        if claimed.channel != Some(self.channel().into()) {
            let detail =
                "the notification is of another channel than the queue that its message is in";
            return Ok(Outcome::DeadLetter(Failure::new("wrong_channel", detail)));
        }
        let limit = self.max_retries;
        let is_last = message.attempt.is_none_or(|attempt| attempt.is_last(limit));
        let tried = match self.prepare(id, &claimed).await? {
            Ok(prepared) => {
                self.send(id, attempt, is_last, claimed_at, prepared)
                    .await?
            }
            Err(failure) => self.unsendable(id, attempt, failure).await?,
        };
        let effect = self.limit(tried.effect, claimed.deferred_for);
        self.unrecorded.note(
            id,
            record::Record {
                token: claimed.token,
                attempt,
                finished: tried.finished,
                gone: tried.gone,
                effect,
            },
        );
        let outcome = self.record_again(id).await?;
        // It was noted just now; another copy of the message may have recorded it in between, and what it
        // recorded is seen when this one comes back.
        Ok(outcome.unwrap_or(Outcome::Defer {
            wait: WaitTime::Second,
            not_before: None,
        }))
    }

    /// Nothing waits for ever for a destination that never comes back, and what has waited for long looks
    /// less often whether it has.
    fn limit(&self, effect: Effect, deferred_for: Option<Duration>) -> Effect {
        let waited = deferred_for.unwrap_or_default();
        let limit = self.settings.webhook_defer_max;
        match effect {
            Effect::Later(postponed) if self.destinations.is_some() && postponed.waiting => {
                if waited > limit {
                    let hours = limit.as_secs() / 3600;
                    let detail = format!("for more than {hours} h: {}", postponed.why);
                    return Effect::Never(Failure::quoting("destination_away", detail));
                }
                Effect::Later(postponed.after(waited))
            }
            effect => effect,
        }
    }
}

impl Work for Delivery {
    async fn process(&self, batch: &[Envelope]) -> Result<Vec<Outcome>, Surroundings> {
        let mut outcomes = Vec::with_capacity(batch.len());
        for message in batch {
            outcomes.push(self.deliver(message).await.map_err(surroundings)?);
        }
        Ok(outcomes)
    }

    async fn given_up(&self, message: &Envelope, failure: &Failure) -> Result<(), Surroundings> {
        // What cannot be decoded names no row.
        let Ok(request) = DeliveryRequest::decode(&message.body) else {
            return Ok(());
        };
        let error = format!("{}: {}", failure.reason, failure.detail);
        let failed = self
            .database
            .run(async |client| {
                notifications::mark_failed(client, request.message_id, &error).await
            })
            .await;
        failed.map(drop).map_err(surroundings)
    }

    async fn surroundings_answer(&self) -> bool {
        let answers = self.database.ping().await.is_ok();
        if answers {
            self.record_leftovers().await;
        }
        answers
    }
}
