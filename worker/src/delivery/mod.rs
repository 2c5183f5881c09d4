//! The delivery stages: send recorded notifications through providers. Each [`Delivery`] serves one channel
//! through one provider.

mod admission;
mod attempt;
mod breaker;
mod build;
mod channel;
mod channel_state;
mod claim_outcome;
mod claims;
mod content;
mod destinations;
mod disposition;
mod evaluate;
mod group;
mod lease;
mod prepare;
mod record;
mod settings;
mod unrecorded;
mod wait_keys;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use metrics::counter;
use tidings_broker::{Envelope, Failure, MaxRetries, Stage, WaitTime};
use tidings_db::notifications::LeaseToken;
use tidings_db::{Database, notifications};
use tidings_domain::content::ChannelContent;
use tidings_domain::notification::{DeliveredChannel, DeliveryRequest, MessageId};
use tokio::time::Instant;
use tracing::Instrument;
use uuid::Uuid;

pub use breaker::BreakerSettings;
pub use build::Deliveries;
pub use channel::{DeliveryChannel, EmailChannel, PushChannel, SmsChannel, WebhookChannel};
pub use channel_state::{ChannelHealth, ChannelState};
pub use destinations::WebhookDestinations;
pub use settings::DeliverySettings;
pub use wait_keys::wait_key;

use crate::consumer::{BatchProcessor, MessageOutcome, Place, ProcessError};
use crate::providers::Provider;
use attempt::AttemptResult;
use claims::{ClaimWork, Claimed, ClaimsReply, ClaimsRequest, NextStep};
use content::render;
use disposition::{Deferral, Disposition};
use group::Group;
use record::RecordRequest;
use unrecorded::{AttemptRecord, UnrecordedAttempt, UnrecordedAttempts};

/// Minimum time between the starts of two transactions that record results, so that results share them. Far below the
/// time that anybody waits for a row.
const RECORD_INTERVAL: Duration = Duration::from_millis(5);

/// Why a message is deferred whose attempt was not begun.
const NOT_BEGUN: &str = "PostgreSQL did not confirm the attempt";

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
    /// The tokens of the claims.
    tokens: ClaimTokens,
    claims: Group<ClaimsRequest, ClaimsReply<C>>,
    records: Group<RecordRequest, bool>,
    unrecorded: UnrecordedAttempts,
}

/// The tokens of this process. Each delivery of a message has its own, however often it is tried: a claim whose commit
/// PostgreSQL did not confirm is then known to be the same.
struct ClaimTokens {
    /// Differs from those of all other processes.
    base: Uuid,
}

impl ClaimTokens {
    fn of(&self, message: &Envelope) -> LeaseToken {
        Uuid::from_u128(self.base.as_u128() ^ u128::from(message.sequence)).into()
    }
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
            tokens: ClaimTokens {
                base: Uuid::new_v4(),
            },
            claims: Group::new(settings.batch_size, Duration::ZERO),
            records: Group::new(settings.batch_size, RECORD_INTERVAL),
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

    fn count_transaction(step: &'static str) {
        let channel = Self::CHANNEL.as_str();
        counter!("tidings_delivery_transactions_total", "channel" => channel, "step" => step)
            .increment(1);
    }

    async fn deliver(
        &self,
        message: &Envelope,
        place: &Place,
    ) -> Result<MessageOutcome, ProcessError> {
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
        if let Some(outcome) = self.record_unrecorded(id).await? {
            return Ok(outcome);
        }
        let attempt = message.attempt;
        let this = ClaimedAttempt {
            id,
            // An attempt that cannot be read counts as the last one, so that no row has more attempts.
            number: attempt.map_or(u32::MAX, |attempt| attempt.number),
            is_last: attempt.is_none_or(|attempt| attempt.is_last(self.max_retries)),
            token: self.tokens.of(message),
            claimed_at: Instant::now(),
        };
        let request = ClaimsRequest::Claim(this);
        match self.claims.submit(request, &ClaimWork(self)).await? {
            ClaimsReply::Skip(outcome) => Ok(outcome),
            ClaimsReply::Ended {
                disposition,
                all_wait,
            } => {
                if all_wait {
                    self.remember_route(message, &disposition);
                }
                Ok(disposition.outcome())
            }
            ClaimsReply::Claimed(claimed) => self.attempt(message, this, *claimed, place).await,
            ClaimsReply::Begun(_) => Err(wrong_reply()),
        }
    }

    /// Makes one attempt for a claimed notification, and records the result.
    async fn attempt(
        &self,
        message: &Envelope,
        this: ClaimedAttempt,
        claimed: Claimed<C>,
        place: &Place,
    ) -> Result<MessageOutcome, ProcessError> {
        let result = match claimed.next {
            NextStep::Send(admitted, rows) => self.send(this, admitted, rows).await,
            NextStep::Wait(prepared) => {
                let admitted = self.admit(this.id, prepared).await;
                self.begin_and_send(this, admitted).await?
            }
            NextStep::Render {
                wanted,
                template,
                variables,
                known,
            } => {
                let rendered = render(&wanted, template, variables).await;
                let prepared = rendered.and_then(|(content, template)| {
                    self.prepare(this.id, known, content, Some(template))
                });
                match prepared {
                    Ok(prepared) => {
                        let admitted = self.admit(this.id, prepared).await;
                        self.begin_and_send(this, admitted).await?
                    }
                    Err(unsendable) => self.reject_unsendable(this, unsendable),
                }
            }
            NextStep::Reject(unsendable) => self.reject_unsendable(this, unsendable),
        };
        // Recording does not delay the next send.
        place.release();
        let result = self.limit_deferral(result, claimed.deferred_for);
        if result.all_wait {
            self.remember_route(message, &result.disposition);
        }
        self.unrecorded.insert(
            this.id,
            UnrecordedAttempt {
                token: this.token,
                attempt: this.number,
                record: result.record,
                disposition: result.disposition,
            },
        );
        let outcome = self.record_unrecorded(this.id).await?;
        // `None` if another copy of the message recorded the attempt meanwhile. This copy comes back and finds
        // the result in the row.
        Ok(outcome.unwrap_or_else(|| MessageOutcome::defer(WaitTime::Second)))
    }

    /// Rejects a message that has waited for its destination longer than `webhook_defer_max`. Lengthens the
    /// next wait of a message that has waited long.
    fn limit_deferral(
        &self,
        result: AttemptResult,
        deferred_for: Option<Duration>,
    ) -> AttemptResult {
        let waited = deferred_for.unwrap_or_default();
        let limit = self.settings.webhook_defer_max;
        let disposition = match (result.disposition, self.channel.destinations()) {
            (Disposition::Defer(deferral), Some(destinations)) => {
                if waited > limit && deferral.counts_as_waiting {
                    let hours = limit.as_secs() / 3600;
                    let detail = format!("for more than {hours} h: {}", deferral.reason);
                    Disposition::Reject(Failure::quoting("destination_away", detail))
                } else {
                    let deferral = if deferral.counts_as_waiting {
                        deferral.lengthened_after(waited)
                    } else {
                        deferral
                    };
                    Disposition::Defer(deferral.scheduled(destinations))
                }
            }
            (other, _) => other,
        };
        AttemptResult {
            disposition,
            ..result
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

    async fn process(
        &self,
        batch: &[Envelope],
        place: &Place,
    ) -> Result<Vec<MessageOutcome>, ProcessError> {
        let mut outcomes = Vec::with_capacity(batch.len());
        for message in batch {
            let span = tracing::info_span!("delivery", request_id = message.request_id());
            outcomes.push(self.deliver(message, place).instrument(span).await?);
        }
        Ok(outcomes)
    }

    /// PostgreSQL may have begun an attempt without being able to say so. Left as they are, its rows would count as
    /// messages that may have arrived.
    fn given_back(&self, message: &Envelope) {
        let Ok(request) = DeliveryRequest::decode(&message.body) else {
            return;
        };
        // Nothing was sent under this token: otherwise the result would wait to be recorded.
        if self.unrecorded.get(request.message_id).is_none() {
            let attempt = UnrecordedAttempt {
                token: self.tokens.of(message),
                attempt: message.attempt.map_or(u32::MAX, |attempt| attempt.number),
                record: AttemptRecord::NotBegun,
                disposition: Disposition::Defer(Deferral::wait(WaitTime::Second, NOT_BEGUN)),
            };
            self.unrecorded.insert(request.message_id, attempt);
        }
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

/// A reply that does not fit the request, which no code path returns.
fn wrong_reply() -> ProcessError {
    ProcessError::Unclear("the reply does not fit the request".to_owned())
}
