//! The delivery stages: send recorded notifications through providers. Each [`Delivery`] serves one channel
//! through one provider.

mod attempt;
mod breaker;
mod build;
mod channel;
mod channel_state;
mod claim;
mod content;
mod destinations;
mod disposition;
mod evaluate;
mod lease;
mod permits;
mod prepare;
mod record;
mod settings;
mod unrecorded;
mod wait_keys;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tidings_broker::{Envelope, Failure, MaxRetries, Stage, WaitTime, WaitsFor};
use tidings_db::notifications::LeaseToken;
use tidings_db::{Database, DbError, notifications};
use tidings_domain::content::ChannelContent;
use tidings_domain::notification::{DeliveredChannel, DeliveryRequest, MessageId};
use tokio::time::Instant;
use tracing::Instrument;

pub use breaker::BreakerSettings;
pub use build::Deliveries;
pub use channel::{DeliveryChannel, EmailChannel, PushChannel, SmsChannel, WebhookChannel};
pub use channel_state::{ChannelHealth, ChannelState};
pub use destinations::WebhookDestinations;
pub use settings::DeliverySettings;
pub use wait_keys::wait_key;

use crate::consumer::{BatchProcessor, MessageOutcome, ProcessError};
use crate::providers::Provider;
use claim::ClaimDecision;
use disposition::{Deferral, Disposition};
use unrecorded::{UnrecordedAttempt, UnrecordedAttempts};

/// An attempt under a claim.
#[derive(Clone, Copy)]
struct ClaimedAttempt {
    id: MessageId,
    /// Counted from 0.
    number: u32,
    /// Whether a failure of this attempt makes a dead letter.
    is_last: bool,
    token: LeaseToken,
    claimed_at: Instant,
}

/// The delivery stage of one channel.
pub struct Delivery<C: DeliveryChannel> {
    database: Database,
    channel: C,
    provider: Box<dyn Provider<C::Message>>,
    settings: DeliverySettings,
    /// Maximum number of retries after the first attempt.
    max_retries: u32,
    state: Arc<ChannelState>,
    unrecorded: UnrecordedAttempts,
}

impl<C: DeliveryChannel> Delivery<C> {
    /// The channel.
    pub const CHANNEL: DeliveredChannel = <C::Content as ChannelContent>::CHANNEL;

    /// Delivers notifications from `database` through `provider`.
    #[must_use]
    pub fn new(
        database: Database,
        channel: C,
        provider: Box<dyn Provider<C::Message>>,
        settings: DeliverySettings,
        max_retries: MaxRetries,
    ) -> Self {
        let destinations = channel.destinations().cloned();
        let state = ChannelState::new(
            Self::CHANNEL,
            provider.name(),
            settings.breaker,
            destinations,
        );
        Self {
            database,
            channel,
            provider,
            settings,
            max_retries: max_retries.of(Stage::Delivery(Self::CHANNEL)),
            state: Arc::new(state),
            unrecorded: UnrecordedAttempts::default(),
        }
    }

    /// How many copies of a message may arrive at one address between its acceptance (or a replay) and its dead
    /// letter: the number of sends with an unknown outcome.
    fn max_copies(&self) -> u32 {
        let again = if C::RECEIVERS_RECOGNISE_DUPLICATES {
            self.max_retries
        } else {
            self.settings.unknown_max
        };
        again.saturating_add(1)
    }

    /// The state of the channel's provider.
    #[must_use]
    pub const fn state(&self) -> &Arc<ChannelState> {
        &self.state
    }

    async fn deliver(&self, message: &Envelope) -> Result<MessageOutcome, DbError> {
        let request = match DeliveryRequest::decode(&message.body) {
            Ok(request) => request,
            Err(error) => {
                let failure = Failure::new(error.reason(), error.to_string());
                return Ok(MessageOutcome::DeadLetter(failure));
            }
        };
        let now = Timestamp::now();
        if let Some(time) = message.not_before().filter(|time| *time > now) {
            return Ok(Disposition::Defer(Deferral::until(time, now, "")).outcome());
        }
        let id = request.message_id;
        // An attempt that cannot be read counts as the last one, so that no row has more attempts.
        let attempt = message.attempt.map_or(u32::MAX, |attempt| attempt.number);
        if let Some(outcome) = self.record_unrecorded(id).await? {
            return Ok(outcome);
        }
        let claimed_at = Instant::now();
        match self.claim(id, attempt).await? {
            ClaimDecision::Deliver(claimed) => {
                self.attempt(message, id, claimed_at, *claimed).await
            }
            ClaimDecision::Skip(outcome) => Ok(outcome),
        }
    }

    /// Makes one attempt: reads the content from the row, sends, and records the result.
    async fn attempt(
        &self,
        message: &Envelope,
        id: MessageId,
        claimed_at: Instant,
        claimed: notifications::ClaimedNotification,
    ) -> Result<MessageOutcome, DbError> {
        let attempt = message.attempt.map_or(0, |attempt| attempt.number);
        if claimed.channel != Some(Self::CHANNEL.into()) {
            let detail =
                "the channel of the notification is not the channel of the queue of its message";
            return Ok(MessageOutcome::DeadLetter(Failure::new(
                "wrong_channel",
                detail,
            )));
        }
        let limit = self.max_retries;
        let is_last = message.attempt.is_none_or(|attempt| attempt.is_last(limit));
        let this = ClaimedAttempt {
            id,
            number: attempt,
            is_last,
            token: claimed.token,
            claimed_at,
        };
        let result = match self.prepare(id, &claimed).await? {
            Ok(prepared) => self.send(this, prepared).await?,
            Err(unsendable) => self.reject_unsendable(this, unsendable),
        };
        let disposition = self.limit_deferral(result.disposition, claimed.deferred_for);
        if result.all_wait {
            self.remember_route(message, &disposition);
        }
        self.unrecorded.insert(
            id,
            UnrecordedAttempt {
                token: claimed.token,
                attempt,
                record: result.record,
                disposition,
            },
        );
        let outcome = self.record_unrecorded(id).await?;
        // `None` if another copy of the message recorded the attempt meanwhile. This copy comes back and finds
        // the result in the row.
        Ok(outcome.unwrap_or(MessageOutcome::Defer {
            wait: WaitTime::Second,
            not_before: None,
            waits_for: WaitsFor::default(),
        }))
    }

    /// Rejects a message that has waited for its destination longer than `webhook_defer_max`. Lengthens the
    /// next wait of a message that has waited long.
    fn limit_deferral(
        &self,
        disposition: Disposition,
        deferred_for: Option<Duration>,
    ) -> Disposition {
        let waited = deferred_for.unwrap_or_default();
        let limit = self.settings.webhook_defer_max;
        match (disposition, self.channel.destinations()) {
            (Disposition::Defer(deferral), Some(destinations)) => {
                if waited > limit && deferral.counts_as_waiting {
                    let hours = limit.as_secs() / 3600;
                    let detail = format!("for more than {hours} h: {}", deferral.reason);
                    return Disposition::Reject(Failure::quoting("destination_away", detail));
                }
                let deferral = if deferral.counts_as_waiting {
                    deferral.lengthened_after(waited)
                } else {
                    deferral
                };
                Disposition::Defer(deferral.scheduled(destinations))
            }
            (other, _) => other,
        }
    }

    /// Remembers the URLs of a message whose addresses all have to wait, so that the rows of other messages with the
    /// same addresses need not be read.
    fn remember_route(&self, message: &Envelope, disposition: &Disposition) {
        let Some(waits_for) = message.waits_for() else {
            return;
        };
        // The intake gives a message one key. Later ones are those of URLs.
        if let (Disposition::Defer(deferral), Some(destinations), [route], None) = (
            disposition,
            self.channel.destinations(),
            &*waits_for.keys,
            waits_for.row_read_at,
        ) {
            destinations.remember_route(*route, &deferral.waits_for.keys);
        }
    }
}

impl<C: DeliveryChannel> BatchProcessor for Delivery<C> {
    fn defer_at_once(&self, message: &Envelope) -> Option<MessageOutcome> {
        let destinations = self.channel.destinations()?;
        let (waits_for, not_before) = (message.waits_for(), message.not_before());
        let says_nothing = waits_for.is_none() && not_before.is_none();
        if says_nothing || message.oversize_body().is_some() {
            return None;
        }
        let id = DeliveryRequest::decode(&message.body).ok()?.message_id;
        if self.unrecorded.get(id).is_some() {
            return None;
        }
        let waiting = destinations.waiting(id, waits_for, not_before)?;
        Some(MessageOutcome::Defer {
            wait: waiting.wait,
            not_before: waiting.not_before,
            waits_for: waiting.waits_for,
        })
    }

    async fn process(&self, batch: &[Envelope]) -> Result<Vec<MessageOutcome>, ProcessError> {
        let mut outcomes = Vec::with_capacity(batch.len());
        for message in batch {
            let span = tracing::info_span!("delivery", request_id = message.request_id());
            outcomes.push(self.deliver(message).instrument(span).await?);
        }
        Ok(outcomes)
    }

    async fn record_dead_letter(
        &self,
        message: &Envelope,
        failure: &Failure,
    ) -> Result<(), ProcessError> {
        // A body that cannot be decoded refers to no row.
        let Ok(request) = DeliveryRequest::decode(&message.body) else {
            return Ok(());
        };
        let error = format!("{}: {}", failure.reason, failure.detail);
        self.database
            .run(async |client| {
                notifications::mark_failed(client, request.message_id, &error).await
            })
            .await?;
        Ok(())
    }

    async fn servers_respond(&self) -> bool {
        let responds = self.database.ping().await.is_ok();
        if responds {
            // The consumer calls this when PostgreSQL may be back.
            self.record_all_unrecorded().await;
        }
        responds
    }
}
