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

use jiff::Timestamp;
use secrecy::SecretString;
use tidings_common::broker::{Failure, not_before};
use tidings_common::notification::{Channel, DeliveryRequest, MessageId};
use tidings_db::{Database, DbError, notifications};

pub use assemble::stages;
pub use breaker::BreakerSettings;
pub use channel_state::{ChannelReport, ChannelState};
pub use destinations::Destinations;
pub use sender::{Message, Parcel, Sender};
pub use settings::DeliverySettings;

use crate::consumer::{Incoming, Outcome, Surroundings, Work};
use crate::intake::surroundings;
use claim::Turn;
use effect::{Effect, Postponed};
use record::Unrecorded;

/// The delivery stage of one channel.
pub struct Delivery {
    database: Database,
    sender: Sender,
    settings: DeliverySettings,
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
        destinations: Option<Arc<Destinations>>,
        signing_secrets: Vec<SecretString>,
    ) -> Self {
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
            state: Arc::new(state),
            destinations,
            signing_secrets,
            unrecorded: Unrecorded::default(),
        }
    }

    /// The channel.
    #[must_use]
    pub const fn channel(&self) -> Channel {
        self.sender.channel()
    }

    /// Whether the channel delivers.
    #[must_use]
    pub const fn state(&self) -> &Arc<ChannelState> {
        &self.state
    }

    async fn deliver(&self, message: &Incoming) -> Result<Outcome, DbError> {
        let request = match DeliveryRequest::decode(&message.body) {
            Ok(request) => request,
            Err(error) => {
                let failure = Failure::new(error.reason(), error.to_string());
                return Ok(Outcome::DeadLetter(failure));
            }
        };
        let now = Timestamp::now();
        if let Some(time) = not_before(&message.properties).filter(|time| *time > now) {
            return Ok(Effect::Later(Postponed::until(time, now, "")).outcome());
        }
        let id = request.message_id;
        // An attempt that cannot be read counts as the last one, and is behind no row's.
        let attempt = message.attempt.map_or(u32::MAX, |attempt| attempt.number);
        if let Some(outcome) = self.record_again(id).await? {
            return Ok(outcome);
        }
        match self.claim(id, attempt).await? {
            Turn::Ours(claimed) => self.attempt(message, id, *claimed).await,
            Turn::Not(outcome) => Ok(outcome),
        }
    }

    /// One attempt, from the content of the row to the record of what came of it.
    async fn attempt(
        &self,
        message: &Incoming,
        id: MessageId,
        claimed: notifications::Claimed,
    ) -> Result<Outcome, DbError> {
        let attempt = message.attempt.map_or(0, |attempt| attempt.number);
        let tried = match self.prepare(id, &claimed).await? {
            Ok(prepared) => self.send(id, attempt, prepared).await?,
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
        // It was noted just now; another copy of the message may have recorded it in between.
        Ok(outcome.unwrap_or(Outcome::Done))
    }

    /// Nothing waits for ever for a destination that never comes back.
    fn limit(&self, effect: Effect, deferred_for: Option<std::time::Duration>) -> Effect {
        let limit = self.settings.webhook_defer_max;
        match effect {
            Effect::Later(postponed)
                if self.destinations.is_some() && deferred_for.is_some_and(|time| time > limit) =>
            {
                let hours = limit.as_secs() / 3600;
                let detail = format!("for more than {hours} h: {}", postponed.why);
                Effect::Never(Failure::new("destination_away", detail))
            }
            effect => effect,
        }
    }
}

impl Work for Delivery {
    async fn process(&self, batch: &[Incoming]) -> Result<Vec<Outcome>, Surroundings> {
        let mut outcomes = Vec::with_capacity(batch.len());
        for message in batch {
            outcomes.push(self.deliver(message).await.map_err(surroundings)?);
        }
        Ok(outcomes)
    }

    async fn given_up(&self, message: &Incoming, failure: &Failure) -> Result<(), Surroundings> {
        // What cannot be decoded names no row.
        let Ok(request) = DeliveryRequest::decode(&message.body) else {
            return Ok(());
        };
        let noting = async {
            let client = self.database.client().await?;
            let error = format!("{}: {}", failure.reason, failure.detail);
            notifications::fail(&*client, request.message_id, &error).await?;
            client.keep();
            Ok(())
        };
        self.database.patiently(noting).await.map_err(surroundings)
    }

    async fn surroundings_answer(&self) -> bool {
        self.database.ping().await.is_ok()
    }
}
