use std::time::Duration;

use futures_util::future::join_all;
use tidings_broker::WaitTime;
use tidings_db::delivery_attempts::AttemptOutcome;
use tidings_runtime::statistics::events;
use tokio::time::Instant;

use super::admission::{Admitted, AdmittedSend};
use super::attempt_outcome::{attempt_outcome, error_text};
use super::claims::{BeginRequest, ClaimWork, ClaimsRequest};
use super::deferral::Deferral;
use super::disposition::{Disposition, combine};
use super::prepare::Unsendable;
use super::unrecorded::{AttemptRecord, FinishedSend, GoneAddress, OptOut};
use super::{ClaimedAttempt, Delivery, DeliveryChannel, spans};
use crate::consumer::{Place, ProcessError, SharedPlace};
use crate::providers::SendOutcome;

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
    /// The result of sends that have ended, and of the addresses to which nothing is sent.
    pub(super) fn new<M>(
        this: ClaimedAttempt,
        admitted: Admitted<M>,
        results: Vec<SendResult>,
    ) -> Self {
        let mut dispositions = admitted.dispositions;
        let (mut sends, mut gone_addresses, mut opt_outs) = (Vec::new(), Vec::new(), Vec::new());
        for result in results {
            dispositions.push(result.disposition);
            gone_addresses.extend(result.gone_address);
            opt_outs.extend(result.opt_out);
            sends.push(result.send);
        }
        let waits = |disposition: &Disposition| matches!(disposition, Disposition::Defer(_));
        Self {
            all_wait: admitted.is_first && dispositions.iter().all(waits),
            record: AttemptRecord::Sends {
                sends,
                gone_addresses,
                opt_outs,
            },
            disposition: combine(dispositions, this.is_last),
        }
    }

    /// Nothing is sent, to none of the addresses.
    pub(super) const fn without_sends(disposition: Disposition) -> Self {
        Self {
            record: AttemptRecord::Sends {
                sends: Vec::new(),
                gone_addresses: Vec::new(),
                opt_outs: Vec::new(),
            },
            disposition,
            all_wait: false,
        }
    }

    /// Nothing was sent, because preparing took too long. `rows` are those of the sends.
    fn too_late<M>(
        this: ClaimedAttempt,
        mut admitted: Admitted<M>,
        rows: Vec<i64>,
        late: TooLate,
    ) -> Self {
        let contacts = admitted.sends.iter().map(|send| send.message.contact);
        let sends: Vec<_> = rows.into_iter().zip(contacts).collect();
        let results = sends.into_iter().map(|(row, contact)| SendResult {
            send: FinishedSend {
                row,
                contact,
                duration: Duration::ZERO,
                outcome: AttemptOutcome::Deferred,
                reference: None,
                error: Some(late.reason().to_owned()),
            },
            disposition: late.disposition(),
            gone_address: None,
            opt_out: None,
        });
        admitted.dispositions.push(late.disposition());
        Self {
            all_wait: false,
            ..Self::new(this, admitted, results.collect())
        }
    }
}

/// Why an attempt that was prepared must not send any more.
#[derive(Clone, Copy)]
enum TooLate {
    /// The lease could end during the send, and another worker could then send the same message.
    ForLease,
    /// The notification has expired.
    Expired,
}

impl TooLate {
    const fn reason(self) -> &'static str {
        match self {
            Self::ForLease => "preparing took too long",
            Self::Expired => "the notification expired while it was prepared",
        }
    }

    fn disposition(self) -> Disposition {
        match self {
            Self::ForLease => Disposition::Defer(Deferral::wait(WaitTime::Second, self.reason())),
            Self::Expired => Disposition::Expire,
        }
    }
}

/// One send that has ended.
pub(super) struct SendResult {
    send: FinishedSend,
    disposition: Disposition,
    /// The address, if it no longer exists.
    gone_address: Option<GoneAddress>,
    /// The recipient, if the provider says that it wants nothing more.
    opt_out: Option<OptOut>,
}

impl<C: DeliveryChannel> Delivery<C> {
    /// Begins an attempt, and sends to all addresses concurrently. The rows of the sends are inserted first, so that a
    /// send is on record even if this process dies.
    pub(super) async fn begin_and_send(
        &self,
        this: ClaimedAttempt,
        admitted: Admitted<C::Message>,
        place: &Place,
    ) -> Result<AttemptResult, ProcessError> {
        if let Some(late) = self.too_late(this) {
            return Ok(AttemptResult::too_late(this, admitted, Vec::new(), late));
        }
        if admitted.sends.is_empty() {
            return Ok(AttemptResult::new(this, admitted, Vec::new()));
        }
        let contacts = admitted.sends.iter().map(|send| send.message.contact);
        let request = BeginRequest {
            this,
            contacts: contacts.collect(),
            template: admitted.template.clone(),
        };
        let rows = self
            .claims
            .submit(request, ClaimsRequest::Begin, &ClaimWork(self))
            .await?;
        Ok(self.send(this, admitted, rows, place).await)
    }

    /// Sends to all addresses concurrently. `rows` are those of the sends in `delivery_attempts`. Releases `place` once
    /// each send has ended or is a long send.
    pub(super) async fn send(
        &self,
        this: ClaimedAttempt,
        mut admitted: Admitted<C::Message>,
        rows: Vec<i64>,
        place: &Place,
    ) -> AttemptResult {
        if let Some(late) = self.too_late(this) {
            return AttemptResult::too_late(this, admitted, rows, late);
        }
        let in_flight = self.in_flight.begin();
        let sends = std::mem::take(&mut admitted.sends);
        let place = SharedPlace::new(place, sends.len());
        let let_go = || {
            if place.let_go() {
                in_flight.place_released();
            }
        };
        let sends = sends.into_iter().zip(rows);
        let sending = join_all(sends.map(|(send, row)| self.send_one(this, send, row, &let_go)));
        let results = self.renewing_lease(this.id, this.token, sending).await;
        AttemptResult::new(this, admitted, results)
    }

    /// Whether it is too late for a send to begin.
    fn too_late(&self, this: ClaimedAttempt) -> Option<TooLate> {
        let longest = self.settings.provider_timeout + GRACE;
        if this.expires_at.is_some_and(|time| time <= Instant::now()) {
            Some(TooLate::Expired)
        } else if this.claimed_at.elapsed() + longest > self.settings.lease {
            Some(TooLate::ForLease)
        } else {
            None
        }
    }

    async fn send_one(
        &self,
        this: ClaimedAttempt,
        admitted: AdmittedSend<C::Message>,
        row: i64,
        let_go: &(impl Fn() + Sync),
    ) -> SendResult {
        let AdmittedSend {
            message,
            unknown_before,
            mut permit,
        } = admitted;
        let message = &message;
        let start = Instant::now();
        let limit = self.settings.provider_timeout + self.provider.answer_timeout() + GRACE;
        let span = spans::send(Self::CHANNEL, self.provider.name(), this);
        let sending = span.scope(self.provider.send(&message.message));
        let sending = tokio::time::timeout(limit, sending);
        let mut is_long = false;
        let outcome = match &mut permit {
            Some(permit) => {
                let on_long = || {
                    is_long = true;
                    let_go();
                };
                let bytes = || C::memory(&message.message);
                permit.run(sending, bytes, on_long).await
            }
            None => sending.await,
        };
        let outcome = outcome.unwrap_or_else(|_| SendOutcome::Unknown {
            error: "no answer in time".to_owned(),
        });
        let duration = start.elapsed();
        let send = FinishedSend {
            row,
            contact: message.contact,
            duration,
            outcome: attempt_outcome(&outcome),
            reference: match &outcome {
                SendOutcome::Delivered { reference } => reference.clone(),
                _ => None,
            },
            error: error_text(&outcome).map(ToOwned::to_owned),
        };
        self.observe(this, send.outcome, duration);
        spans::sent(&span, send.outcome);
        drop(span);
        let is_gone = send.outcome == AttemptOutcome::Gone;
        let has_opted_out = matches!(outcome, SendOutcome::OptedOut { .. });
        let disposition = self.evaluate(&message.message, outcome, duration, unknown_before);
        // Only now, so that the next send finds what this one has shown about the destination.
        drop(permit);
        if !is_long {
            let_go();
        }
        SendResult {
            send,
            gone_address: is_gone.then(|| C::gone_address(message)).flatten(),
            opt_out: has_opted_out.then(|| C::opt_out(message)).flatten(),
            disposition,
        }
    }

    /// Counts one send and writes its log line.
    fn observe(&self, this: ClaimedAttempt, outcome: AttemptOutcome, duration: Duration) {
        let (id, attempt) = (this.id, this.number);
        let (channel, provider) = (Self::CHANNEL.as_str(), self.provider.name());
        let outcome = outcome.as_str();
        events::attempted(Self::CHANNEL.into(), provider, outcome, duration);
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
