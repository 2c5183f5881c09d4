use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use metrics::{counter, histogram};
use tidings_common::broker::{Failure, WaitTime};
use tidings_common::notification::MessageId;
use tidings_db::DbError;
use tidings_db::delivery_attempts::{self, AttemptOutcome, NewAttempt, UsedTemplate};
use tokio::time::Instant;

use super::destinations::{self, Destinations, Room};
use super::effect::{Effect, Postponed, conclude, error_of, outcome_of};
use super::prepare::{Prepared, Unsendable};
use super::record::{FinishedSend, GoneAddress};
use super::{Delivery, Message, Parcel};
use crate::providers::Report;

/// How long one webhook receiver among many may ask for patience.
const RECEIVER_PAUSE: [Duration; 2] = [Duration::from_secs(1), Duration::from_hours(1)];

/// How long a webhook receiver gets that asks for patience and does not say how much.
const RECEIVER_PAUSE_UNSAID: Duration = Duration::from_secs(30);

/// What came of an attempt.
pub(super) struct Tried {
    pub(super) finished: Vec<FinishedSend>,
    pub(super) gone: Vec<GoneAddress>,
    pub(super) effect: Effect,
}

impl Delivery {
    /// Sends to every address at once. Each send stands on the timeline before it begins, so that it is on
    /// record even should this process die.
    pub(super) async fn send(
        &self,
        id: MessageId,
        attempt: u32,
        prepared: Prepared,
    ) -> Result<Tried, DbError> {
        let Prepared {
            parcels,
            template,
            arrived,
        } = prepared;
        let rooms = join_all(parcels.into_iter().map(async |parcel| {
            let room = self.room(&parcel).await;
            (parcel, room)
        }))
        .await;
        let (mut effects, mut admitted) = (Vec::new(), Vec::new());
        for (parcel, room) in rooms {
            match room {
                Ok(room) => admitted.push((parcel, room)),
                Err(refused) => effects.push(Effect::Later(refused)),
            }
        }
        let contacts = admitted.iter().map(|(parcel, _)| parcel.contact);
        let rows = self.begin(id, attempt, contacts, template.as_ref()).await?;
        let sending = admitted
            .iter()
            .zip(rows)
            .map(async |((parcel, _), row)| self.send_one(id, attempt, parcel, row).await);
        let (mut finished, mut gone) = (Vec::new(), Vec::new());
        for (sent, (parcel, _)) in join_all(sending).await.into_iter().zip(&admitted) {
            if sent.outcome == AttemptOutcome::Gone {
                gone.extend(gone_address(parcel));
            }
            effects.push(sent.effect);
            finished.push(sent.finished);
        }
        Ok(Tried {
            finished,
            gone,
            effect: conclude(effects, arrived),
        })
    }

    /// Room at the destination, where the channel has many.
    async fn room(&self, parcel: &Parcel) -> Result<Option<Room>, Postponed> {
        let Some((destinations, key)) = self.destination(parcel) else {
            return Ok(None);
        };
        let room = destinations.enter(&key).await;
        room.map(Some).map_err(Postponed::from)
    }

    async fn begin(
        &self,
        id: MessageId,
        attempt: u32,
        contacts: impl Iterator<Item = Option<uuid::Uuid>>,
        template: Option<&UsedTemplate>,
    ) -> Result<Vec<i64>, DbError> {
        let attempts: Vec<NewAttempt<'_>> = contacts
            .map(|contact_id| NewAttempt {
                message_id: id,
                attempt,
                provider: self.sender.name(),
                contact_id,
                template,
            })
            .collect();
        if attempts.is_empty() {
            return Ok(Vec::new());
        }
        let beginning = async {
            let client = self.database.client().await?;
            let rows = delivery_attempts::begin(&*client, &attempts).await?;
            client.keep();
            Ok(rows)
        };
        self.database.patiently(beginning).await
    }

    async fn send_one(&self, id: MessageId, attempt: u32, parcel: &Parcel, row: i64) -> Sent {
        let start = Instant::now();
        let timeout = self.settings.provider_timeout;
        let report = self.sender.send(&parcel.message, timeout).await;
        let took = start.elapsed();
        let outcome = outcome_of(&report);
        self.tell(id, attempt, outcome, took);
        let finished = FinishedSend {
            row,
            took,
            outcome,
            reference: match &report {
                Report::Delivered { reference } => reference.clone(),
                _ => None,
            },
            error: error_of(&report).map(ToOwned::to_owned),
        };
        Sent {
            outcome,
            effect: self.effect(parcel, report, took),
            finished,
        }
    }

    fn tell(&self, id: MessageId, attempt: u32, outcome: AttemptOutcome, took: Duration) {
        let (channel, provider) = (self.sender.channel().as_str(), self.sender.name());
        let outcome = outcome.as_str();
        counter!("tidings_delivery_attempts_total", "channel" => channel, "provider" => provider, "outcome" => outcome)
            .increment(1);
        histogram!("tidings_delivery_seconds", "channel" => channel, "provider" => provider)
            .record(took);
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(message_id = %id, channel, provider, attempt, outcome, duration_ms, "delivery attempted");
    }

    /// What follows from a report for its message; notes what it says of its provider.
    fn effect(&self, parcel: &Parcel, report: Report, took: Duration) -> Effect {
        match report {
            Report::Delivered { .. } => {
                self.provider_answered(parcel);
                Effect::Delivered
            }
            Report::Rejected { error } => {
                self.provider_answered(parcel);
                Effect::Never(Failure::quoting("rejected_by_provider", error))
            }
            Report::Gone { error } => {
                self.provider_answered(parcel);
                Effect::Gone(Failure::quoting("address_gone", error))
            }
            Report::Failed { error } => {
                self.provider_failed(parcel, Failure::quoting("provider_failed", error), took)
            }
            Report::Unknown { error } => {
                self.provider_failed(parcel, Failure::quoting("outcome_unknown", error), took)
            }
            Report::SlowDown { retry_after, .. } => self.slow_down(parcel, retry_after),
            Report::CredentialsRefused { error } => {
                self.state.refused_us();
                let failure = Failure::quoting("credentials_refused", error);
                postponed(&failure, WaitTime::Second)
            }
        }
    }

    fn provider_answered(&self, parcel: &Parcel) {
        match self.destination(parcel) {
            Some((destinations, key)) => destinations.succeeded(&key),
            None => self.state.succeeded(),
        }
    }

    /// A failure that is the provider's costs an attempt, until the provider counts as away.
    fn provider_failed(&self, parcel: &Parcel, failure: Failure, took: Duration) -> Effect {
        // Of a channel that is closed they wait in its queue; for one destination among many, at the
        // broker.
        let (away, wait) = if let Some((destinations, key)) = self.destination(parcel) {
            (destinations.failed(&key, took), WaitTime::HalfMinute)
        } else {
            self.state.failed();
            (self.state.is_away(), WaitTime::Second)
        };
        if away {
            postponed(&failure, wait)
        } else {
            Effect::Retry(failure)
        }
    }

    fn slow_down(&self, parcel: &Parcel, asked: Option<Duration>) -> Effect {
        const WHY: &str = "the provider asked for patience";
        let Some((destinations, key)) = self.destination(parcel) else {
            // Its queue is where it waits, once it is back there: the channel takes nothing meanwhile.
            self.state.pause(asked);
            return Effect::Later(Postponed::for_time(WaitTime::Second, WHY));
        };
        destinations.succeeded(&key);
        let pause = asked.unwrap_or(RECEIVER_PAUSE_UNSAID);
        let pause = pause.clamp(RECEIVER_PAUSE[0], RECEIVER_PAUSE[1]);
        let now = Timestamp::now();
        let until = now + SignedDuration::try_from(pause).unwrap_or_default();
        Effect::Later(Postponed::until(until, now, WHY))
    }

    /// The destination of a webhook, where the channel has many.
    fn destination(&self, parcel: &Parcel) -> Option<(&Arc<Destinations>, String)> {
        match (&self.destinations, &parcel.message) {
            (Some(destinations), Message::Webhook(webhook)) => {
                Some((destinations, destinations::key(webhook.to.as_url())))
            }
            _ => None,
        }
    }

    /// An attempt that comes to its end before anything can be sent.
    pub(super) async fn unsendable(
        &self,
        id: MessageId,
        attempt: u32,
        unsendable: Unsendable,
    ) -> Result<Tried, DbError> {
        let Unsendable { failure, template } = unsendable;
        let contacts = std::iter::once(None);
        let rows = self.begin(id, attempt, contacts, template.as_ref()).await?;
        self.tell(id, attempt, AttemptOutcome::Rejected, Duration::ZERO);
        let finished = rows
            .into_iter()
            .map(|row| FinishedSend {
                row,
                took: Duration::ZERO,
                outcome: AttemptOutcome::Rejected,
                reference: None,
                error: Some(failure.detail.clone()),
            })
            .collect();
        Ok(Tried {
            finished,
            gone: Vec::new(),
            effect: Effect::Never(failure),
        })
    }
}

/// One send that came to an end.
struct Sent {
    finished: FinishedSend,
    outcome: AttemptOutcome,
    effect: Effect,
}

/// While a provider is away its messages wait and lose nothing.
fn postponed(failure: &Failure, wait: WaitTime) -> Effect {
    let why = format!("{}: {}", failure.reason, failure.detail);
    Effect::Later(Postponed::for_time(wait, why))
}

fn gone_address(parcel: &Parcel) -> Option<GoneAddress> {
    match &parcel.message {
        Message::Push(push) => Some(GoneAddress::Device(push.to.clone())),
        Message::Webhook(_) => parcel.contact.map(GoneAddress::Endpoint),
        Message::Email(_) | Message::Sms(_) => None,
    }
}
