use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use metrics::{counter, histogram};
use tidings_broker::{Failure, WaitTime};
use tidings_db::DbError;
use tidings_db::delivery_attempts::{self, AttemptOutcome, NewAttempt, UsedTemplate};
use tidings_domain::notification::MessageId;
use tokio::time::Instant;
use url::Url;

use super::destinations::{self, Destinations, Room};
use super::effect::{ADDRESS_GONE, Effect, Postponed, REJECTED, conclude, error_of, outcome_of};
use super::prepare::{Prepared, Unsendable};
use super::record::{FinishedSend, GoneAddress};
use super::sender::GRACE;
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

impl Tried {
    /// Nothing was sent: preparing took so long that the lease might end before the send does, and
    /// another worker would send at the same time.
    fn too_late(rows: Vec<i64>, mut effects: Vec<Effect>) -> Self {
        const WHY: &str = "preparing took too long";
        let finished = rows.into_iter().map(|row| FinishedSend {
            row,
            took: Duration::ZERO,
            outcome: AttemptOutcome::Deferred,
            reference: None,
            error: Some(WHY.to_owned()),
        });
        effects.push(Effect::Later(Postponed::for_time(WaitTime::Second, WHY)));
        Self {
            finished: finished.collect(),
            gone: Vec::new(),
            effect: conclude(effects, true),
        }
    }
}

impl Delivery {
    /// Sends to every address at once. Each send stands on the timeline before it begins, so that it is on
    /// record even should this process die.
    pub(super) async fn send(
        &self,
        id: MessageId,
        attempt: u32,
        is_last: bool,
        claimed_at: Instant,
        prepared: Prepared,
    ) -> Result<Tried, DbError> {
        let Prepared {
            parcels,
            template,
            settled,
        } = prepared;
        let rooms = join_all(parcels.into_iter().map(async |parcel| {
            let room = self.room(&parcel).await;
            (parcel, room)
        }))
        .await;
        let mut effects: Vec<Effect> = settled.into_iter().map(Effect::from).collect();
        let mut admitted = Vec::new();
        for (parcel, room) in rooms {
            match room {
                Ok(room) => admitted.push((parcel, room)),
                Err(refused) => effects.push(Effect::Later(refused)),
            }
        }
        let contacts = admitted.iter().map(|(parcel, _)| parcel.contact);
        let rows = self.begin(id, attempt, contacts, template.as_ref()).await?;
        if claimed_at.elapsed() + self.settings.provider_timeout + GRACE > self.settings.lease {
            return Ok(Tried::too_late(rows, effects));
        }
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
            effect: conclude(effects, is_last),
        })
    }

    /// Room at the destination, where the channel has many.
    async fn room(&self, parcel: &Parcel) -> Result<Option<Room>, Postponed> {
        let Some((destinations, url)) = self.destination(parcel) else {
            return Ok(None);
        };
        let room = destinations.enter(url).await;
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
        self.database
            .run(async |client| delivery_attempts::begin(client, &attempts).await)
            .await
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
                Effect::Never(Failure::quoting(REJECTED, error))
            }
            Report::Gone { error } => {
                self.provider_answered(parcel);
                Effect::Gone(Failure::quoting(ADDRESS_GONE, error))
            }
            Report::NotNow { error } => {
                self.provider_answered(parcel);
                Effect::Retry(Failure::quoting("refused_for_now", error))
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
            Some((destinations, url)) => destinations.succeeded(&destinations::key(url)),
            None => self.state.succeeded(),
        }
    }

    /// A failure that is the provider's costs an attempt, until the provider counts as away.
    fn provider_failed(&self, parcel: &Parcel, failure: Failure, took: Duration) -> Effect {
        // Of a channel that is closed they wait in its queue; for one destination among many, at the
        // broker.
        let (away, wait) = if let Some((destinations, url)) = self.destination(parcel) {
            let away = destinations.failed(&destinations::key(url), took);
            (away, WaitTime::HalfMinute)
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
        let Some((destinations, url)) = self.destination(parcel) else {
            // Its queue is where it waits, once it is back there: the channel takes nothing meanwhile.
            self.state.pause(asked);
            return Effect::Later(Postponed::for_time(WaitTime::Second, WHY));
        };
        let pause = asked.unwrap_or(RECEIVER_PAUSE_UNSAID);
        let pause = pause.clamp(RECEIVER_PAUSE[0], RECEIVER_PAUSE[1]);
        destinations.asked_for_patience(url, pause);
        let now = Timestamp::now();
        let until = now + SignedDuration::try_from(pause).unwrap_or_default();
        Effect::Later(Postponed::until(until, now, WHY))
    }

    /// Where a webhook goes, where the channel has many destinations.
    fn destination<'a>(&'a self, parcel: &'a Parcel) -> Option<(&'a Arc<Destinations>, &'a Url)> {
        match (&self.destinations, &parcel.message) {
            (Some(destinations), Message::Webhook(webhook)) => {
                Some((destinations, webhook.to.as_url()))
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
        Message::Webhook(webhook) => {
            let url = webhook.to.clone();
            parcel.contact.map(|id| GoneAddress::Endpoint(id, url))
        }
        Message::Email(_) | Message::Sms(_) => None,
    }
}
