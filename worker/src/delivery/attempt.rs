use std::time::Duration;

use futures_util::future::join_all;
use metrics::{counter, histogram};
use tidings_broker::WaitTime;
use tidings_db::delivery_attempts::{self, AttemptOutcome, NewAttempt, UsedTemplate};
use tidings_db::{DbError, DbErrorKind};
use tokio::time::Instant;
use uuid::Uuid;

use super::channel::AddressedMessage;
use super::disposition::{
    Deferral, Disposition, attempt_outcome, combine, error_text, unknown_failure,
};
use super::prepare::{Prepared, Unsendable};
use super::unrecorded::{AttemptRecord, FinishedSend, UnrecordedAttempt};
use super::{ClaimedAttempt, Delivery, DeliveryChannel};
use crate::providers::SendOutcome;

/// Why a message is deferred whose attempt was not begun.
const NOT_BEGUN: &str = "PostgreSQL did not confirm the attempt";

/// How much longer than `provider_timeout` a send may take. Providers keep the timeout themselves; this
/// limit is a safeguard.
const GRACE: Duration = Duration::from_secs(2);

/// The result of one attempt.
pub(super) struct AttemptResult {
    pub(super) record: AttemptRecord,
    pub(super) disposition: Disposition,
    /// Whether this was the first try for every address, and all of them have to wait.
    pub(super) all_wait: bool,
}

impl AttemptResult {
    /// Nothing was sent: preparing took so long that the lease could end during the send, and another worker
    /// could then send the same message.
    fn lease_too_short(rows: Vec<i64>, mut dispositions: Vec<Disposition>) -> Self {
        const REASON: &str = "preparing took too long";
        let sends = rows.into_iter().map(|row| FinishedSend {
            row,
            duration: Duration::ZERO,
            outcome: AttemptOutcome::Deferred,
            reference: None,
            error: Some(REASON.to_owned()),
        });
        dispositions.push(Disposition::Defer(Deferral::wait(WaitTime::Second, REASON)));
        Self {
            record: AttemptRecord::Sends {
                sends: sends.collect(),
                gone_addresses: Vec::new(),
            },
            disposition: combine(dispositions, true),
            all_wait: false,
        }
    }
}

/// One send that has ended.
struct SendResult {
    send: FinishedSend,
    disposition: Disposition,
}

impl<C: DeliveryChannel> Delivery<C> {
    /// Sends to all addresses concurrently. Inserts the rows of the sends first, so that a send is on
    /// record even if this process dies.
    pub(super) async fn send(
        &self,
        this: ClaimedAttempt,
        mut prepared: Prepared<C::Message>,
    ) -> Result<AttemptResult, DbError> {
        let mut dispositions = self.final_dispositions(&mut prepared);
        let is_first = dispositions.is_empty();
        let messages = std::mem::take(&mut prepared.messages);
        let permits = self.permits(this.id, messages).await;
        let mut admitted = Vec::new();
        for (message, permit) in permits {
            match permit {
                Ok(permit) => admitted.push((message, permit)),
                Err(deferral) => dispositions.push(Disposition::Defer(deferral)),
            }
        }
        if self.lease_is_too_short(this.claimed_at) {
            return Ok(AttemptResult::lease_too_short(Vec::new(), dispositions));
        }
        let contacts = admitted.iter().map(|(message, _)| message.contact);
        let rows = self
            .insert_sends(this, contacts, prepared.template.as_ref())
            .await?;
        if self.lease_is_too_short(this.claimed_at) {
            return Ok(AttemptResult::lease_too_short(rows, dispositions));
        }
        let sending = join_all(admitted.iter().zip(rows).map(async |((message, _), row)| {
            let unknown = prepared.unknown_count(message.contact);
            self.send_one(this, message, row, unknown).await
        }));
        let results = self.renewing_lease(this.id, this.token, sending).await;
        let (mut sends, mut gone_addresses) = (Vec::new(), Vec::new());
        for (result, (message, _)) in results.into_iter().zip(&admitted) {
            if result.send.outcome == AttemptOutcome::Gone {
                gone_addresses.extend(C::gone_address(message));
            }
            dispositions.push(result.disposition);
            sends.push(result.send);
        }
        let waits = |disposition: &Disposition| matches!(disposition, Disposition::Defer(_));
        Ok(AttemptResult {
            all_wait: is_first && dispositions.iter().all(waits),
            record: AttemptRecord::Sends {
                sends,
                gone_addresses,
            },
            disposition: combine(dispositions, this.is_last),
        })
    }

    /// Takes out the messages to addresses that may have been reached as often as is allowed, for example because
    /// workers ended before they recorded an answer. Returns their dispositions, and those of addresses with a
    /// final result.
    fn final_dispositions(&self, prepared: &mut Prepared<C::Message>) -> Vec<Disposition> {
        let mut dispositions = Vec::new();
        dispositions.extend(prepared.settled.drain(..).map(Disposition::from));
        let messages = std::mem::take(&mut prepared.messages);
        for message in messages {
            let copies = prepared.unknown_count(message.contact);
            if copies < self.max_copies() {
                prepared.messages.push(message);
            } else {
                let failure = unknown_failure(copies, "not sent again");
                dispositions.push(Disposition::Reject(failure));
            }
        }
        dispositions
    }

    /// Whether the lease could end during a send.
    fn lease_is_too_short(&self, claimed_at: Instant) -> bool {
        claimed_at.elapsed() + self.settings.provider_timeout + GRACE > self.settings.lease
    }

    async fn insert_sends(
        &self,
        this: ClaimedAttempt,
        contacts: impl Iterator<Item = Option<Uuid>>,
        template: Option<&UsedTemplate>,
    ) -> Result<Vec<i64>, DbError> {
        let attempts: Vec<NewAttempt<'_>> = contacts
            .map(|contact_id| NewAttempt {
                message_id: this.id,
                attempt: this.number,
                provider: self.provider.name(),
                contact_id,
                template,
                token: this.token,
            })
            .collect();
        if attempts.is_empty() {
            return Ok(Vec::new());
        }
        let inserted = self
            .database
            .run(async |client| delivery_attempts::begin(client, &attempts).await)
            .await;
        if let Err(error) = &inserted
            && error.kind() == DbErrorKind::Environment
        {
            // PostgreSQL may have inserted the rows without being able to say so. Left as they are, they would
            // count as messages that may have arrived.
            let attempt = UnrecordedAttempt {
                token: this.token,
                attempt: this.number,
                record: AttemptRecord::NotBegun,
                disposition: Disposition::Defer(Deferral::wait(WaitTime::Second, NOT_BEGUN)),
            };
            self.unrecorded.insert(this.id, attempt);
        }
        inserted
    }

    /// `unknown_before` is the number of earlier attempts for this address with an unknown outcome.
    async fn send_one(
        &self,
        this: ClaimedAttempt,
        message: &AddressedMessage<C::Message>,
        row: i64,
        unknown_before: u32,
    ) -> SendResult {
        let start = Instant::now();
        let limit = self.settings.provider_timeout + self.provider.answer_timeout() + GRACE;
        let sending = self.provider.send(&message.message);
        let outcome = tokio::time::timeout(limit, sending).await;
        let outcome = outcome.unwrap_or_else(|_| SendOutcome::Unknown {
            error: "no answer in time".to_owned(),
        });
        let duration = start.elapsed();
        let send = FinishedSend {
            row,
            duration,
            outcome: attempt_outcome(&outcome),
            reference: match &outcome {
                SendOutcome::Delivered { reference } => reference.clone(),
                _ => None,
            },
            error: error_text(&outcome).map(ToOwned::to_owned),
        };
        self.observe(this, send.outcome, duration);
        SendResult {
            send,
            disposition: self.evaluate(&message.message, outcome, duration, unknown_before),
        }
    }

    /// Updates the metrics and writes the log line of one send.
    fn observe(&self, this: ClaimedAttempt, outcome: AttemptOutcome, duration: Duration) {
        let (id, attempt) = (this.id, this.number);
        let (channel, provider) = (Self::CHANNEL.as_str(), self.provider.name());
        let outcome = outcome.as_str();
        counter!("tidings_delivery_attempts_total", "channel" => channel, "provider" => provider, "outcome" => outcome)
            .increment(1);
        histogram!("tidings_delivery_seconds", "channel" => channel, "provider" => provider)
            .record(duration);
        let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(message_id = %id, channel, provider, attempt, outcome, duration_ms, "delivery attempted");
    }

    /// Returns the result of an attempt for a notification that cannot be sent.
    pub(super) fn reject_unsendable(
        &self,
        this: ClaimedAttempt,
        unsendable: Unsendable,
    ) -> AttemptResult {
        let Unsendable { failure, template } = unsendable;
        self.observe(this, AttemptOutcome::NotSent, Duration::ZERO);
        AttemptResult {
            record: AttemptRecord::NotSent {
                template,
                error: failure.detail.clone(),
            },
            disposition: Disposition::Reject(failure),
            all_wait: false,
        }
    }
}
