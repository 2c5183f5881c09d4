use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tidings_broker::WaitTime;
use tidings_db::delivery_attempts::{self, AttemptOutcome, FinishedAttempt};
use tidings_db::notifications::{self, LeaseToken};
use tidings_db::{DbError, TransactionOptions, device_tokens, webhook_endpoints};
use tidings_domain::content::{DeviceToken, WebhookUrl};
use tidings_domain::notification::MessageId;
use tokio::time::Instant;
use uuid::Uuid;

use super::Delivery;
use super::effect::{Effect, Postponed};
use crate::consumer::Outcome;

/// How long what was sent is remembered when its message does not come back to this process.
const REMEMBERED: Duration = Duration::from_hours(1);

/// What came of one attempt, to be recorded.
pub(super) struct Record {
    pub(super) token: LeaseToken,
    /// Counted from 0.
    pub(super) attempt: u32,
    pub(super) finished: Vec<FinishedSend>,
    pub(super) gone: Vec<GoneAddress>,
    pub(super) effect: Effect,
}

/// One send that came to an end.
pub(super) struct FinishedSend {
    /// Its row in `delivery_attempts`.
    pub(super) row: i64,
    pub(super) took: Duration,
    pub(super) outcome: AttemptOutcome,
    pub(super) reference: Option<String>,
    pub(super) error: Option<String>,
}

/// An address that is no more.
pub(super) enum GoneAddress {
    /// Unregistered at the push service.
    Device(DeviceToken),
    /// Answered 410 at this URL.
    Endpoint(Uuid, WebhookUrl),
}

/// What was sent and is not recorded yet.
///
/// While PostgreSQL is away, the message is held and tried again, or goes back to its queue and may come
/// back: the outcome waits here, so that it is recorded then and nothing is sent twice.
#[derive(Default)]
pub(super) struct Unrecorded(Mutex<HashMap<MessageId, (Instant, Arc<Record>)>>);

impl Unrecorded {
    pub(super) fn note(&self, id: MessageId, record: Record) {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records.retain(|_, (noted, _)| noted.elapsed() < REMEMBERED);
        records.insert(id, (Instant::now(), Arc::new(record)));
    }

    fn get(&self, id: MessageId) -> Option<Arc<Record>> {
        let records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records.get(&id).map(|(_, record)| Arc::clone(record))
    }

    /// Forgets `record`, but not one of a later attempt.
    fn forget(&self, id: MessageId, record: &Arc<Record>) {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if records
            .get(&id)
            .is_some_and(|(_, noted)| Arc::ptr_eq(noted, record))
        {
            records.remove(&id);
        }
    }

    /// Those that are there.
    fn ids(&self) -> Vec<MessageId> {
        let records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records.keys().copied().collect()
    }
}

impl Delivery {
    /// Records what was sent and is not recorded yet, where there is such, and tells what follows for
    /// the message.
    pub(super) async fn record_again(&self, id: MessageId) -> Result<Option<Outcome>, DbError> {
        let Some(record) = self.unrecorded.get(id) else {
            return Ok(None);
        };
        let ours = self.record(id, &record).await?;
        self.unrecorded.forget(id, &record);
        if ours {
            return Ok(Some(record.effect.clone().outcome()));
        }
        // The lease ended and another worker has the row: what it records counts.
        tracing::warn!(message_id = %id, "the claim was lost before the outcome was recorded");
        Ok(Some(Outcome::Defer {
            wait: WaitTime::Second,
            not_before: None,
        }))
    }

    /// Records what is left over, as soon as PostgreSQL is back: its messages may have gone back to their
    /// queue, and to another worker, which cannot know what was sent.
    pub(super) async fn record_leftovers(&self) {
        for id in self.unrecorded.ids() {
            if let Err(error) = self.record_again(id).await {
                tracing::warn!(%error, message_id = %id, "what was sent is still not recorded");
            }
        }
    }

    /// All in one transaction. Returns whether the claim was still there.
    async fn record(&self, id: MessageId, record: &Record) -> Result<bool, DbError> {
        let finished: Vec<FinishedAttempt<'_>> = record
            .finished
            .iter()
            .map(|send| FinishedAttempt {
                id: send.row,
                duration: send.took,
                outcome: send.outcome,
                reference: send.reference.as_deref(),
                error: send.error.as_deref(),
            })
            .collect();
        self.database
            .transaction(TransactionOptions::default(), async |transaction| {
                delivery_attempts::finish(transaction, &finished).await?;
                for gone in &record.gone {
                    match gone {
                        GoneAddress::Device(token) => {
                            device_tokens::delete_by_token(transaction, token.as_str()).await?;
                        }
                        GoneAddress::Endpoint(endpoint, url) => {
                            let reason = "answered 410 Gone";
                            webhook_endpoints::disable(transaction, *endpoint, url, reason).await?;
                        }
                    }
                }
                let (token, attempt) = (record.token, record.attempt);
                match &record.effect {
                    Effect::Delivered => {
                        notifications::record_delivery(transaction, id, token).await
                    }
                    Effect::Later(postponed) => {
                        let Postponed { why, waiting, .. } = postponed;
                        notifications::record_deferral(transaction, id, token, why, *waiting).await
                    }
                    Effect::Retry(failure) | Effect::Never(failure) | Effect::Gone(failure) => {
                        let error = format!("{}: {}", failure.reason, failure.detail);
                        notifications::record_failed_attempt(
                            transaction,
                            id,
                            token,
                            attempt,
                            &error,
                        )
                        .await
                    }
                }
            })
            .await
    }
}
