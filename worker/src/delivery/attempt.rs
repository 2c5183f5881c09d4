use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use metrics::{counter, histogram};
use tidings_broker::WaitTime;
use tidings_db::DbError;
use tidings_db::delivery_attempts::{self, AttemptOutcome, NewAttempt, UsedTemplate};
use tidings_domain::notification::MessageId;
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;

use super::channel::AddressedMessage;
use super::destinations::{SendPermit, WebhookDestinations};
use super::disposition::{Deferral, Disposition, attempt_outcome, combine, error_text};
use super::prepare::{Prepared, Unsendable};
use super::unrecorded::{FinishedSend, GoneAddress};
use super::{Delivery, DeliveryChannel};
use crate::providers::SendOutcome;

/// How much longer than `provider_timeout` a send may take. Providers keep the timeout themselves; this
/// limit is a safeguard.
const GRACE: Duration = Duration::from_secs(2);

/// The result of one attempt.
pub(super) struct AttemptResult {
    pub(super) sends: Vec<FinishedSend>,
    pub(super) gone_addresses: Vec<GoneAddress>,
    pub(super) disposition: Disposition,
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
            sends: sends.collect(),
            gone_addresses: Vec::new(),
            disposition: combine(dispositions, true),
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
        id: MessageId,
        attempt: u32,
        is_last: bool,
        claimed_at: Instant,
        prepared: Prepared<C::Message>,
    ) -> Result<AttemptResult, DbError> {
        let Prepared {
            messages,
            template,
            settled,
        } = prepared;
        let permits = join_all(messages.into_iter().map(async |message| {
            let permit = self.permit(&message.message).await;
            (message, permit)
        }))
        .await;
        let mut dispositions: Vec<Disposition> =
            settled.into_iter().map(Disposition::from).collect();
        let mut admitted = Vec::new();
        for (message, permit) in permits {
            match permit {
                Ok(permit) => admitted.push((message, permit)),
                Err(deferral) => dispositions.push(Disposition::Defer(deferral)),
            }
        }
        let contacts = admitted.iter().map(|(message, _)| message.contact);
        let rows = self
            .insert_sends(id, attempt, contacts, template.as_ref())
            .await?;
        if claimed_at.elapsed() + self.settings.provider_timeout + GRACE > self.settings.lease {
            return Ok(AttemptResult::lease_too_short(rows, dispositions));
        }
        let sending = admitted
            .iter()
            .zip(rows)
            .map(async |((message, _), row)| self.send_one(id, attempt, message, row).await);
        let (mut sends, mut gone_addresses) = (Vec::new(), Vec::new());
        for (result, (message, _)) in join_all(sending).await.into_iter().zip(&admitted) {
            if result.send.outcome == AttemptOutcome::Gone {
                gone_addresses.extend(C::gone_address(message));
            }
            dispositions.push(result.disposition);
            sends.push(result.send);
        }
        Ok(AttemptResult {
            sends,
            gone_addresses,
            disposition: combine(dispositions, is_last),
        })
    }

    /// The URL of a message and the channel's destinations; `None` if one provider serves the whole channel.
    pub(super) fn destination<'a>(
        &'a self,
        message: &'a C::Message,
    ) -> Option<(&'a Arc<WebhookDestinations>, &'a Url)> {
        self.channel.destinations().zip(C::destination_url(message))
    }

    /// Acquires permission to send to the message's destination; `None` if one provider serves the whole
    /// channel.
    async fn permit(&self, message: &C::Message) -> Result<Option<SendPermit>, Deferral> {
        let Some((destinations, url)) = self.destination(message) else {
            return Ok(None);
        };
        let permit = destinations.acquire(url).await;
        permit.map(Some).map_err(Deferral::from)
    }

    async fn insert_sends(
        &self,
        id: MessageId,
        attempt: u32,
        contacts: impl Iterator<Item = Option<Uuid>>,
        template: Option<&UsedTemplate>,
    ) -> Result<Vec<i64>, DbError> {
        let attempts: Vec<NewAttempt<'_>> = contacts
            .map(|contact_id| NewAttempt {
                message_id: id,
                attempt,
                provider: self.provider.name(),
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

    async fn send_one(
        &self,
        id: MessageId,
        attempt: u32,
        message: &AddressedMessage<C::Message>,
        row: i64,
    ) -> SendResult {
        let start = Instant::now();
        let limit = self.settings.provider_timeout + GRACE;
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
        self.observe(id, attempt, send.outcome, duration);
        SendResult {
            send,
            disposition: self.evaluate(&message.message, outcome, duration),
        }
    }

    /// Updates the metrics and writes the log line of one send.
    fn observe(&self, id: MessageId, attempt: u32, outcome: AttemptOutcome, duration: Duration) {
        let (channel, provider) = (Self::CHANNEL.as_str(), self.provider.name());
        let outcome = outcome.as_str();
        counter!("tidings_delivery_attempts_total", "channel" => channel, "provider" => provider, "outcome" => outcome)
            .increment(1);
        histogram!("tidings_delivery_seconds", "channel" => channel, "provider" => provider)
            .record(duration);
        let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(message_id = %id, channel, provider, attempt, outcome, duration_ms, "delivery attempted");
    }

    /// Records a rejected attempt for a notification that cannot be sent.
    pub(super) async fn reject_unsendable(
        &self,
        id: MessageId,
        attempt: u32,
        unsendable: Unsendable,
    ) -> Result<AttemptResult, DbError> {
        let Unsendable { failure, template } = unsendable;
        let contacts = std::iter::once(None);
        let rows = self
            .insert_sends(id, attempt, contacts, template.as_ref())
            .await?;
        self.observe(id, attempt, AttemptOutcome::Rejected, Duration::ZERO);
        let sends = rows
            .into_iter()
            .map(|row| FinishedSend {
                row,
                duration: Duration::ZERO,
                outcome: AttemptOutcome::Rejected,
                reference: None,
                error: Some(failure.detail.clone()),
            })
            .collect();
        Ok(AttemptResult {
            sends,
            gone_addresses: Vec::new(),
            disposition: Disposition::Reject(failure),
        })
    }
}
