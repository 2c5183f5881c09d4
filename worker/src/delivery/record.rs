use tidings_broker::WaitTime;
use tidings_db::delivery_attempts::{self, FinishedAttempt};
use tidings_db::{
    DbError, GenericClient, TransactionOptions, device_tokens, notifications, webhook_endpoints,
};
use tidings_domain::notification::MessageId;

use super::disposition::Disposition;
use super::unrecorded::{GoneAddress, UnrecordedAttempt};
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
        let finished: Vec<FinishedAttempt<'_>> = attempt
            .sends
            .iter()
            .map(|send| FinishedAttempt {
                id: send.row,
                duration: send.duration,
                outcome: send.outcome,
                reference: send.reference.as_deref(),
                error: send.error.as_deref(),
            })
            .collect();
        self.database
            .transaction(TransactionOptions::default(), async |transaction| {
                delivery_attempts::finish(transaction, &finished).await?;
                for gone in &attempt.gone_addresses {
                    remove_address(transaction, gone).await?;
                }
                let token = attempt.token;
                match &attempt.disposition {
                    Disposition::Delivered => {
                        notifications::record_delivery(transaction, id, token).await
                    }
                    Disposition::Defer(deferral) => {
                        let (reason, waiting) = (&deferral.reason, deferral.counts_as_waiting);
                        notifications::record_deferral(transaction, id, token, reason, waiting)
                            .await
                    }
                    Disposition::Retry(failure)
                    | Disposition::Reject(failure)
                    | Disposition::AddressGone(failure) => {
                        let error = format!("{}: {}", failure.reason, failure.detail);
                        let number = attempt.attempt;
                        notifications::record_failed_attempt(transaction, id, token, number, &error)
                            .await
                    }
                }
            })
            .await
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
