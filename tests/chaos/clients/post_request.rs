use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use super::api_client::{ApiClient, NotificationOutcome, RequestOutcome};
use super::notification_body::{BodyGenerator, NotificationBody};
use super::stats::ClientStats;
use crate::ledger::{Ledger, LedgerEntry};
use crate::rng::Rng;
use crate::run_log::RunLog;
use crate::timing::wait;

/// One in this many notifications with a key is posted again after its 202, as by a client that crashed
/// before it stored the response.
const REPOST_SHARE: usize = 20;

/// The pause after a request without a response, in milliseconds.
const PAUSE_AFTER_NO_RESPONSE: std::ops::RangeInclusive<u64> = 100..=1_000;

/// The pause after an unexpected response.
const PAUSE_AFTER_WRONG: Duration = Duration::from_secs(5);

/// What all requests share.
pub(super) struct RequestContext {
    pub(super) log: Arc<RunLog>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) stats: Arc<ClientStats>,
    pub(super) apis: Vec<ApiClient>,
    pub(super) bodies: Mutex<BodyGenerator>,
}

impl RequestContext {
    fn new_body(&self) -> NotificationBody {
        let bodies = self.bodies.lock();
        bodies.unwrap_or_else(PoisonError::into_inner).generate()
    }

    fn record(&self, entry: &LedgerEntry) {
        // Without every attempt and every 202 in the ledger, the result of the run is invalid.
        if let Err(error) = self.ledger.append(entry) {
            self.log.error(format_args!("the ledger: {error}"));
        }
    }
}

/// A notification until it has its 202.
pub(super) struct PendingNotification {
    key: Option<String>,
    body: NotificationBody,
    /// How many more 202s are needed.
    needed: u32,
}

impl PendingNotification {
    /// Creates a notification, with or without an idempotency key.
    pub(super) fn new(context: &RequestContext, with_key: bool, rng: &mut Rng) -> Self {
        let key = with_key.then(|| format!("chaos-{}", Uuid::new_v4()));
        let again = with_key && rng.index(REPOST_SHARE) == 0;
        Self {
            key,
            body: context.new_body(),
            needed: if again { 2 } else { 1 },
        }
    }

    /// Replaces the body if there is no key: if the last attempt was accepted after all, its row must not be
    /// mistaken for that of the next one.
    fn renew_body(&mut self, context: &RequestContext) {
        if self.key.is_none() {
            self.body = context.new_body();
        }
    }

    fn attempt_entry(&self) -> LedgerEntry {
        LedgerEntry::Attempt {
            body: self.body.fingerprint(),
            key: self.key.clone(),
        }
    }

    fn accepted_entry(&self, id: Uuid) -> LedgerEntry {
        LedgerEntry::Accepted {
            body: self.body.fingerprint(),
            key: self.key.clone(),
            id,
        }
    }

    /// Returns the item of a batch.
    fn to_item(&self) -> Value {
        let mut item = self.body.to_json();
        if let Some(key) = &self.key {
            item["idempotencyKey"] = key.as_str().into();
        }
        item
    }
}

/// Notifications that are posted in one request.
pub(super) struct PostRequest {
    pub(super) notifications: Vec<PendingNotification>,
    /// Whether to use the batch endpoint.
    pub(super) batch: bool,
    pub(super) rng: Rng,
    /// Released when the request ends.
    pub(super) _permits: Vec<OwnedSemaphorePermit>,
}

impl PostRequest {
    /// Posts until each notification has its 202s.
    pub(super) async fn post(mut self, context: Arc<RequestContext>) {
        while !self.notifications.is_empty() {
            // Another API process may be available if the last one was not.
            let api = self.rng.index(context.apis.len());
            for notification in &self.notifications {
                context.record(&notification.attempt_entry());
            }
            let result = self.send(&context.apis[api]).await;
            let pause = self.handle(&result, &context, api);
            self.notifications
                .retain(|notification| notification.needed > 0);
            if let Some(pause) = pause {
                for notification in &mut self.notifications {
                    notification.renew_body(&context);
                }
                wait(pause).await;
            }
        }
    }

    async fn send(&self, api: &ApiClient) -> RequestOutcome {
        match &self.notifications[..] {
            [notification] if !self.batch => {
                let body = notification.body.to_json();
                api.post(&body, notification.key.as_deref()).await
            }
            notifications => {
                let items: Vec<_> = notifications
                    .iter()
                    .map(PendingNotification::to_item)
                    .collect();
                api.post_batch(&items).await
            }
        }
    }

    /// Records the result of a request. Returns the pause before the next one if something was not accepted.
    fn handle(
        &mut self,
        result: &RequestOutcome,
        context: &RequestContext,
        api: usize,
    ) -> Option<Duration> {
        let attempts = self.notifications.len();
        let retry = Duration::from_secs(result.retry_after()) + self.rng.millis(0..=1_000);
        match result {
            RequestOutcome::Answered(outcomes) => {
                let mut refused = 0;
                for (notification, outcome) in self.notifications.iter_mut().zip(outcomes) {
                    match outcome {
                        NotificationOutcome::Accepted(id) => {
                            context.record(&notification.accepted_entry(*id));
                            context.stats.accepted(api);
                            notification.needed -= 1;
                        }
                        NotificationOutcome::Refused => refused += 1,
                    }
                }
                context.stats.refused(refused);
                (refused > 0).then_some(retry)
            }
            RequestOutcome::Refused(_) => {
                context.stats.refused(attempts);
                Some(retry)
            }
            RequestOutcome::Nothing => {
                context.stats.unanswered(attempts);
                Some(self.rng.millis(PAUSE_AFTER_NO_RESPONSE))
            }
            RequestOutcome::Wrong(what, text) => {
                if context.stats.wrong(what) == 1 {
                    context
                        .log
                        .info(format_args!("unexpected response: {what}: {text}"));
                }
                Some(PAUSE_AFTER_WRONG)
            }
        }
    }
}
