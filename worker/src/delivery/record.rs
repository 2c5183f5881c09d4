//! Records the results of attempts: one transaction for all attempts that have ended.

use std::collections::HashSet;
use std::convert::identity;
use std::sync::Arc;

use futures_util::future::join_all;
use jiff::Timestamp;
use tidings_broker::WaitTime;
use tidings_db::delivery_attempts::{self, FinishedAttempt, NewAttempt};
use tidings_db::notifications::{self, ClaimEnd, ClaimEndResult, LeaseToken, LockedRows};
use tidings_db::{DbError, Transaction, TransactionOptions, device_tokens, webhook_endpoints};
use tidings_domain::notification::{DeliveredChannel, MessageId};
use tidings_runtime::statistics::events;

use super::disposition::Disposition;
use super::group::{Asked, GroupWork};
use super::unrecorded::{AttemptRecord, GoneAddress, UnrecordedAttempt};
use super::{Delivery, DeliveryChannel};
use crate::consumer::{MessageOutcome, ProcessError};

/// An attempt to record.
pub(super) struct RecordRequest {
    id: MessageId,
    attempt: Arc<UnrecordedAttempt>,
}

/// The reply says whether the attempt is recorded. If not, the claim was lost, or its row is locked.
pub(super) type AskedRecord = Asked<RecordRequest, bool>;

/// Records the attempts of a group, except those whose rows are locked.
struct RecordWork<'a, C: DeliveryChannel>(&'a Delivery<C>);

impl<C: DeliveryChannel> GroupWork for RecordWork<'_, C> {
    type Request = AskedRecord;
    type Replies = Vec<bool>;

    async fn gather(&self) {
        self.0.in_flight.quick_ones_end().await;
    }

    async fn run(&self, requests: &[AskedRecord]) -> Result<Vec<bool>, DbError> {
        let requests: Vec<_> = requests.iter().map(|asked| &asked.request).collect();
        self.0.record_all(&requests, LockedRows::Skip).await
    }

    fn reply(requests: Vec<AskedRecord>, replies: Vec<bool>) {
        Asked::reply_all(requests, replies);
    }
}

impl<C: DeliveryChannel> Delivery<C> {
    /// Records the unrecorded attempt of a message and returns the outcome of the message; `None` if there is
    /// no unrecorded attempt.
    pub(super) async fn record_unrecorded(
        &self,
        id: MessageId,
    ) -> Result<Option<MessageOutcome>, ProcessError> {
        let Some(attempt) = self.unrecorded.get(id) else {
            return Ok(None);
        };
        // Before the attempt, so that a failure repeats both.
        self.record_opt_outs(&attempt.record).await?;
        let recorded = self.record(id, &attempt).await?;
        let is_first = self.unrecorded.remove(id, &attempt);
        if recorded {
            // Two calls may record the same attempt.
            if is_first {
                Self::count_end(&attempt.disposition, attempt.due_at);
            }
            return Ok(Some(attempt.disposition.clone().outcome()));
        }
        // The lease has ended and another worker has claimed the row: the result of that worker counts.
        tracing::warn!(message_id = %id, "the claim was lost before the outcome was recorded");
        Ok(Some(MessageOutcome::defer(WaitTime::Second)))
    }

    /// Counts the end of a notification, if this is one. A failed one ends with its dead letter.
    pub(super) fn count_end(disposition: &Disposition, due_at: Option<Timestamp>) {
        let channel = Self::CHANNEL.into();
        match disposition {
            Disposition::Delivered => events::delivered(channel, due_at),
            Disposition::Suppress { reason } => events::suppressed(channel, reason.as_str()),
            Disposition::Expire => events::expired(Some(channel), 1),
            Disposition::Retry(_)
            | Disposition::Reject(_)
            | Disposition::AddressGone(_)
            | Disposition::Defer(_)
            | Disposition::Hold { .. }
            | Disposition::Cancel => {}
        }
    }

    /// Records all unrecorded attempts. Does not wait for their messages, which may have returned to their
    /// queue and reached another worker that does not know what was sent.
    pub(super) async fn record_all_unrecorded(&self) {
        let ids = self.unrecorded.ids();
        join_all(ids.into_iter().map(async |id| {
            if let Err(error) = self.record_unrecorded(id).await {
                tracing::warn!(%error, message_id = %id, "the result of an attempt is still not recorded");
            }
        }))
        .await;
    }

    /// Records an attempt. Returns `false` if the claim was lost.
    async fn record(
        &self,
        id: MessageId,
        attempt: &Arc<UnrecordedAttempt>,
    ) -> Result<bool, ProcessError> {
        let request = || RecordRequest {
            id,
            attempt: Arc::clone(attempt),
        };
        let recorded = self
            .records
            .submit(request(), identity, &RecordWork(self))
            .await?;
        if recorded {
            return Ok(true);
        }
        // In a transaction of its own, so that other results do not wait until the row is unlocked.
        let alone = self.record_all(&[&request()], LockedRows::Wait).await?;
        Ok(alone.first().is_some_and(|recorded| *recorded))
    }

    /// Records attempts in one transaction. Returns which are recorded.
    async fn record_all(
        &self,
        requests: &[&RecordRequest],
        locked: LockedRows,
    ) -> Result<Vec<bool>, DbError> {
        Self::count_transaction("record");
        self.database
            .transaction(TransactionOptions::default(), async |transaction| {
                self.write_records(transaction, requests, locked).await
            })
            .await
    }

    /// Writes the results of attempts. Returns which are recorded. Locks rows before attempts, as everywhere.
    async fn write_records(
        &self,
        transaction: &Transaction<'_>,
        requests: &[&RecordRequest],
        locked: LockedRows,
    ) -> Result<Vec<bool>, DbError> {
        let ends: Vec<ClaimEnd> = requests.iter().map(|one| one.claim_end()).collect();
        let ended = notifications::end_claims(transaction, &ends, locked).await?;
        // Two calls may record the same attempt.
        let mut seen = HashSet::<LeaseToken>::new();
        let first = requests
            .iter()
            .copied()
            .filter(|one| seen.insert(one.attempt.token));
        // A call that waited for locks knows that the other claims were lost. It records their sends nevertheless: the
        // answers are real.
        let counts =
            |one: &&RecordRequest| locked == LockedRows::Wait || ended.contains(&one.attempt.token);
        let counting: Vec<&RecordRequest> = first.filter(counts).collect();
        record_sends(transaction, &counting).await?;
        for RecordRequest { id, attempt } in &counting {
            match &attempt.record {
                AttemptRecord::Sends { gone_addresses, .. } => {
                    for gone in gone_addresses {
                        remove_address(transaction, gone).await?;
                    }
                }
                AttemptRecord::NotBegun => {
                    delivery_attempts::take_back(transaction, *id, attempt.token).await?;
                }
                // Otherwise the row is there already, or another worker has made the attempt.
                AttemptRecord::NotSent { template, error } if ended.contains(&attempt.token) => {
                    let row = NewAttempt {
                        message_id: *id,
                        attempt: attempt.attempt,
                        provider: self.provider.name(),
                        contact_id: None,
                        template: template.as_ref(),
                        token: attempt.token,
                    };
                    delivery_attempts::insert_not_sent(transaction, &row, error).await?;
                }
                AttemptRecord::NotSent { .. } => {}
            }
        }
        let is_recorded = |one: &&RecordRequest| ended.contains(&one.attempt.token);
        if Self::CHANNEL == DeliveredChannel::Webhook {
            // Only those of claims that end now, so that no attempt counts twice. Last, because all transactions about an endpoint
            // wait for its figures until the commit.
            let of_endpoints = counting.iter().copied().filter(is_recorded);
            let ids: Vec<i64> = of_endpoints
                .flat_map(|one| one.attempt.record.sends())
                .filter(|send| send.contact.is_some())
                .map(|send| send.row)
                .collect();
            if !ids.is_empty() {
                webhook_endpoints::count_attempts(transaction, &ids).await?;
            }
        }
        Ok(requests.iter().map(is_recorded).collect())
    }
}

impl RecordRequest {
    fn claim_end(&self) -> ClaimEnd {
        let attempt = &self.attempt;
        claim_end(
            self.id,
            attempt.token,
            attempt.attempt,
            &attempt.disposition,
        )
    }
}

/// How attempt number `attempt` ends its claim.
pub(super) fn claim_end(
    id: MessageId,
    token: LeaseToken,
    attempt: u32,
    disposition: &Disposition,
) -> ClaimEnd {
    let result = match disposition {
        Disposition::Delivered => ClaimEndResult::Delivered,
        Disposition::Hold { until, reason } => ClaimEndResult::Held {
            until: *until,
            reason: *reason,
        },
        Disposition::Suppress { reason } => ClaimEndResult::Suppressed { reason: *reason },
        Disposition::Expire => ClaimEndResult::Expired,
        Disposition::Cancel => ClaimEndResult::Cancelled,
        Disposition::Defer(deferral) => ClaimEndResult::Deferred {
            error: deferral.reason.clone(),
            waiting: deferral.counts_as_waiting,
        },
        Disposition::Retry(failure)
        | Disposition::Reject(failure)
        | Disposition::AddressGone(failure) => ClaimEndResult::Failed {
            attempt,
            error: format!("{}: {}", failure.reason, failure.detail),
        },
    };
    ClaimEnd { id, token, result }
}

/// Records all sends, and merges those that repeat earlier ones.
async fn record_sends(
    transaction: &Transaction<'_>,
    requests: &[&RecordRequest],
) -> Result<(), DbError> {
    let sends = requests.iter().flat_map(|one| one.attempt.record.sends());
    let finished: Vec<FinishedAttempt<'_>> = sends
        .map(|send| FinishedAttempt {
            id: send.row,
            duration: send.duration,
            outcome: send.outcome,
            reference: send.reference.as_deref(),
            error: send.error.as_deref(),
        })
        .collect();
    if finished.is_empty() {
        return Ok(());
    }
    delivery_attempts::finish(transaction, &finished).await?;
    let repeatable = finished.iter().filter(|send| send.outcome.is_merged());
    let repeatable: Vec<i64> = repeatable.map(|send| send.id).collect();
    if !repeatable.is_empty() {
        delivery_attempts::merge_repeated(transaction, &repeatable).await?;
    }
    Ok(())
}

async fn remove_address(transaction: &Transaction<'_>, gone: &GoneAddress) -> Result<(), DbError> {
    match gone {
        GoneAddress::Device(token) => {
            device_tokens::delete_by_token(transaction, token.as_str()).await?;
        }
        GoneAddress::Endpoint(endpoint, url) => {
            webhook_endpoints::disable(transaction, *endpoint, url, "answered 410 Gone").await?;
        }
    }
    Ok(())
}
