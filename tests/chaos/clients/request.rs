use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use super::api::{Api, Outcome, Reply};
use super::body::{Body, BodyGenerator};
use super::stats::ClientStats;
use crate::ledger::{Entry, Ledger};
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
pub(super) struct Shared {
    pub(super) log: Arc<RunLog>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) stats: Arc<ClientStats>,
    pub(super) apis: Vec<Api>,
    pub(super) bodies: Mutex<BodyGenerator>,
}

impl Shared {
    fn new_body(&self) -> Body {
        let bodies = self.bodies.lock();
        bodies.unwrap_or_else(PoisonError::into_inner).generate()
    }

    fn record(&self, entry: &Entry) {
        // Without every attempt and every 202 in the ledger, the result of the run is invalid.
        if let Err(error) = self.ledger.append(entry) {
            self.log.error(format_args!("the ledger: {error}"));
        }
    }
}

/// A notification until it has its 202.
pub(super) struct Notification {
    key: Option<String>,
    body: Body,
    /// How many more 202s are needed.
    needed: u32,
}

impl Notification {
    /// Creates a notification, with or without an idempotency key.
    pub(super) fn new(shared: &Shared, with_key: bool, rng: &mut Rng) -> Self {
        let key = with_key.then(|| format!("chaos-{}", Uuid::new_v4()));
        let again = with_key && rng.index(REPOST_SHARE) == 0;
        Self {
            key,
            body: shared.new_body(),
            needed: if again { 2 } else { 1 },
        }
    }

    /// Replaces the body if there is no key: if the last attempt was accepted after all, its row must not be
    /// mistaken for that of the next one.
    fn renew_body(&mut self, shared: &Shared) {
        if self.key.is_none() {
            self.body = shared.new_body();
        }
    }

    fn attempt_entry(&self) -> Entry {
        Entry::Attempt {
            body: self.body.fingerprint(),
            key: self.key.clone(),
        }
    }

    fn accepted_entry(&self, id: Uuid) -> Entry {
        Entry::Accepted {
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
pub(super) struct Request {
    pub(super) notifications: Vec<Notification>,
    /// Whether to use the batch endpoint.
    pub(super) batch: bool,
    pub(super) rng: Rng,
    /// Released when the request ends.
    pub(super) _permits: Vec<OwnedSemaphorePermit>,
}

impl Request {
    /// Posts until each notification has its 202s.
    pub(super) async fn post(mut self, shared: Arc<Shared>) {
        while !self.notifications.is_empty() {
            // Another API process may be available if the last one was not.
            let api = self.rng.index(shared.apis.len());
            for notification in &self.notifications {
                shared.record(&notification.attempt_entry());
            }
            let reply = self.send(&shared.apis[api]).await;
            let pause = self.handle(&reply, &shared, api);
            self.notifications
                .retain(|notification| notification.needed > 0);
            if let Some(pause) = pause {
                for notification in &mut self.notifications {
                    notification.renew_body(&shared);
                }
                wait(pause).await;
            }
        }
    }

    async fn send(&self, api: &Api) -> Reply {
        match &self.notifications[..] {
            [notification] if !self.batch => {
                let body = notification.body.to_json();
                api.post(&body, notification.key.as_deref()).await
            }
            notifications => {
                let items: Vec<_> = notifications.iter().map(Notification::to_item).collect();
                api.post_batch(&items).await
            }
        }
    }

    /// Records the result of a request. Returns the pause before the next one if something was not accepted.
    fn handle(&mut self, reply: &Reply, shared: &Shared, api: usize) -> Option<Duration> {
        let attempts = self.notifications.len();
        let retry = Duration::from_secs(reply.retry_after()) + self.rng.millis(0..=1_000);
        match reply {
            Reply::Answered(outcomes) => {
                let mut refused = 0;
                for (notification, outcome) in self.notifications.iter_mut().zip(outcomes) {
                    match outcome {
                        Outcome::Accepted(id) => {
                            shared.record(&notification.accepted_entry(*id));
                            shared.stats.accepted(api);
                            notification.needed -= 1;
                        }
                        Outcome::Refused => refused += 1,
                    }
                }
                shared.stats.refused(refused);
                (refused > 0).then_some(retry)
            }
            Reply::Refused(_) => {
                shared.stats.refused(attempts);
                Some(retry)
            }
            Reply::Nothing => {
                shared.stats.unanswered(attempts);
                Some(self.rng.millis(PAUSE_AFTER_NO_RESPONSE))
            }
            Reply::Wrong(what, text) => {
                if shared.stats.wrong(what) == 1 {
                    shared
                        .log
                        .info(format_args!("unexpected response: {what}: {text}"));
                }
                Some(PAUSE_AFTER_WRONG)
            }
        }
    }
}
