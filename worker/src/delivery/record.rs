use tidings_broker::{WaitTime, WaitsFor};
use tidings_db::delivery_attempts::{self, FinishedAttempt, NewAttempt};
use tidings_db::{
    DbError, GenericClient, TransactionOptions, device_tokens, notifications, webhook_endpoints,
};
use tidings_domain::notification::MessageId;

use super::disposition::Disposition;
use super::unrecorded::{AttemptRecord, FinishedSend, GoneAddress, UnrecordedAttempt};
use super::{Delivery, DeliveryChannel};
use crate::consumer::MessageOutcome;

impl<C: DeliveryChannel> Delivery<C> {
    /// Records the unrecorded attempt of a message and returns the outcome of the message; `None` if there is
    /// no unrecorded attempt.
    pub(super) async fn record_unrecorded(
        &self,
        id: MessageId,
    ) -> Result<Option<MessageOutcome>, DbError> {
        let Some(attempt) = self.unrecorded.get(id) else {
            return Ok(None);
        };
        let recorded = self.record(id, &attempt).await?;
        self.unrecorded.remove(id, &attempt);
        if recorded {
            return Ok(Some(attempt.disposition.clone().outcome()));
        }
        // The lease has ended and another worker has claimed the row: the result of that worker counts.
        tracing::warn!(message_id = %id, "the claim was lost before the outcome was recorded");
        Ok(Some(MessageOutcome::Defer {
            wait: WaitTime::Second,
            not_before: None,
            waits_for: WaitsFor::default(),
        }))
    }

    /// Records all unrecorded attempts. Does not wait for their messages, which may have returned to their
    /// queue and reached another worker that does not know what was sent.
    pub(super) async fn record_all_unrecorded(&self) {
        for id in self.unrecorded.ids() {
            if let Err(error) = self.record_unrecorded(id).await {
                tracing::warn!(%error, message_id = %id, "the result of an attempt is still not recorded");
            }
        }
    }

    /// Records an attempt in one transaction. Returns `false` if the claim was lost.
    async fn record(&self, id: MessageId, attempt: &UnrecordedAttempt) -> Result<bool, DbError> {
        self.database
            .transaction(TransactionOptions::default(), async |transaction| {
                match &attempt.record {
                    AttemptRecord::Sends {
                        sends,
                        gone_addresses,
                    } => record_sends(transaction, sends, gone_addresses).await?,
                    AttemptRecord::NotBegun => {
                        delivery_attempts::take_back(transaction, id, attempt.token).await?;
                    }
                    AttemptRecord::NotSent { .. } => {}
                }
                let recorded = record_disposition(transaction, id, attempt).await?;
                if let AttemptRecord::NotSent { template, error } = &attempt.record
                    // Otherwise the row is there already, or another worker has made the attempt.
                    && recorded
                {
                    let row = NewAttempt {
                        message_id: id,
                        attempt: attempt.attempt,
                        provider: self.provider.name(),
                        contact_id: None,
                        template: template.as_ref(),
                        token: attempt.token,
                    };
                    delivery_attempts::insert_not_sent(transaction, &row, error).await?;
                }
                Ok(recorded)
            })
            .await
    }
}

async fn record_sends(
    client: &impl GenericClient,
    sends: &[FinishedSend],
    gone_addresses: &[GoneAddress],
) -> Result<(), DbError> {
    let finished: Vec<FinishedAttempt<'_>> = sends
        .iter()
        .map(|send| FinishedAttempt {
            id: send.row,
            duration: send.duration,
            outcome: send.outcome,
            reference: send.reference.as_deref(),
            error: send.error.as_deref(),
        })
        .collect();
    delivery_attempts::finish(client, &finished).await?;
    let repeatable = finished.iter().filter(|send| send.outcome.is_merged());
    let repeatable: Vec<i64> = repeatable.map(|send| send.id).collect();
    if !repeatable.is_empty() {
        delivery_attempts::merge_repeated(client, &repeatable).await?;
    }
    for gone in gone_addresses {
        remove_address(client, gone).await?;
    }
    Ok(())
}

/// Updates the notification's row under the claim's token. Returns `false` if the claim was lost.
async fn record_disposition(
    client: &impl GenericClient,
    id: MessageId,
    attempt: &UnrecordedAttempt,
) -> Result<bool, DbError> {
    let token = attempt.token;
    match &attempt.disposition {
        Disposition::Delivered => notifications::record_delivery(client, id, token).await,
        Disposition::Defer(deferral) => {
            let (reason, waiting) = (&deferral.reason, deferral.counts_as_waiting);
            notifications::record_deferral(client, id, token, reason, waiting).await
        }
        Disposition::Retry(failure)
        | Disposition::Reject(failure)
        | Disposition::AddressGone(failure) => {
            let error = format!("{}: {}", failure.reason, failure.detail);
            let number = attempt.attempt;
            notifications::record_failed_attempt(client, id, token, number, &error).await
        }
    }
}

async fn remove_address(client: &impl GenericClient, gone: &GoneAddress) -> Result<(), DbError> {
    match gone {
        GoneAddress::Device(token) => {
            device_tokens::delete_by_token(client, token.as_str()).await?;
        }
        GoneAddress::Endpoint(endpoint, url) => {
            webhook_endpoints::disable(client, *endpoint, url, "answered 410 Gone").await?;
        }
    }
    Ok(())
}
