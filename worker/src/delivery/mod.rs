//! The delivery stages: send recorded notifications through providers. Each [`Delivery`] serves one channel
//! through one provider.

mod admission;
mod attempt;
mod attempt_outcome;
mod breaker;
mod build;
mod channel;
mod channel_state;
mod claim_outcome;
mod claim_plan;
mod claims;
mod content;
mod deferral;
mod deliver;
mod destinations;
mod digest_template;
mod disposition;
mod evaluate;
mod failures;
mod group;
mod in_flight;
mod lease;
mod opt_outs;
mod prepare;
mod processor;
mod quiet_hours;
mod record;
mod settings;
mod spans;
mod unrecorded;
mod user_limits;
mod wait_keys;
mod withhold;

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use tidings_broker::{Envelope, MaxRetries, Stage};
use tidings_db::Database;
use tidings_db::notifications::LeaseToken;
use tidings_domain::content::ChannelContent;
use tidings_domain::notification::{DeliveredChannel, MessageId};
use tokio::time::Instant;
use uuid::Uuid;

pub use breaker::BreakerSettings;
pub use build::Deliveries;
pub use channel::{
    DeliveryChannel, EmailChannel, EndpointSecrets, PushChannel, SmsChannel, WebhookChannel,
};
pub use channel_state::{ChannelHealth, ChannelState, SendingStop};
pub use destinations::WebhookDestinations;
pub use quiet_hours::QuietHoursSettings;
pub use settings::DeliverySettings;
pub use wait_keys::{wait_key, webhook_wait_key};
pub use withhold::WITHHELD;

use crate::providers::Provider;
use claims::ClaimsRequest;
use group::Group;
use in_flight::SendsInFlight;
use record::AskedRecord;
use unrecorded::UnrecordedAttempts;

/// Minimum time between the starts of two transactions that record results, so that results share them. Too short for
/// a reader of the rows to notice.
const RECORD_INTERVAL: Duration = Duration::from_millis(5);

/// The attempt that one delivery of a message by the broker makes, and the token of its claim.
#[derive(Clone, Copy)]
struct ClaimedAttempt {
    id: MessageId,
    /// Counted from 0.
    number: u32,
    /// Whether a failure of this attempt makes a dead letter.
    is_last: bool,
    token: LeaseToken,
    /// When the claim was requested, which is before its lease begins.
    claimed_at: Instant,
    /// No send begins at this time or later.
    expires_at: Option<Instant>,
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
    in_flight: SendsInFlight,
    claims: Group<ClaimsRequest<C>>,
    records: Group<AskedRecord>,
    unrecorded: UnrecordedAttempts,
}

/// Computes the tokens of claims. Each delivery of a message by the broker has one token, which every try of this delivery
/// uses again. So if PostgreSQL did not confirm the commit of a claim, the next try recognises the claim as its own.
struct ClaimTokens {
    /// Random, so that no other process computes the same tokens.
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
        content::register_metrics();
        let destinations = channel.destinations().cloned();
        let long_sends = destinations.as_ref().map_or(0, |all| all.max_long_sends());
        let places = usize::from(*settings.concurrency.get(Self::CHANNEL));
        let state = ChannelState::new(
            Self::CHANNEL,
            provider.name(),
            settings.breaker,
            destinations,
        );
        let batch_size = settings.batch_size;
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
            in_flight: SendsInFlight::new(Self::CHANNEL, places + long_sends),
            claims: Group::new(batch_size, places, Duration::ZERO),
            records: Group::new(batch_size, places, RECORD_INTERVAL),
            unrecorded: UnrecordedAttempts::default(),
        }
    }

    /// Maximum number of sends to one address with an unknown outcome, from the acceptance of a message (or its replay)
    /// to its dead letter. Each of these copies may have arrived.
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

    /// Maximum number of messages that wait for answers without a place.
    #[must_use]
    pub fn max_long_sends(&self) -> usize {
        let destinations = self.channel.destinations();
        destinations.map_or(0, |destinations| destinations.max_long_sends())
    }

    fn count_transaction(step: &'static str) {
        let channel = Self::CHANNEL.as_str();
        counter!("tidings_delivery_transactions_total", "channel" => channel, "step" => step)
            .increment(1);
    }
}
