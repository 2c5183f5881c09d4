use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use tidings_domain::notification::{IdempotencyKey, KeyNamespace, MessageId};
use tidings_tests::tokens;
use uuid::Uuid;

use super::cancellation::{CancelMoment, CancelTarget, Cancellation};
use super::notification_body::NotificationBody;
use super::request_context::RequestContext;
use crate::ledger::LedgerEntry;
use crate::rng::Rng;

/// One in this many notifications with a key is posted again after its 202, as by a client that crashed
/// before it stored the response.
const REPOST_SHARE: usize = 20;

/// A notification until it has its 202.
pub(super) struct PendingNotification {
    pub(super) key: Option<String>,
    pub(super) body: NotificationBody,
    /// How many more 202s are needed.
    pub(super) needed: u32,
    /// When the notification is cancelled. `None` if it is not, or is cancelled already.
    cancel: Option<CancelMoment>,
    rng: Rng,
}

impl PendingNotification {
    /// Creates a notification, with or without an idempotency key.
    pub(super) fn new(context: &RequestContext, with_key: bool, rng: &mut Rng) -> Self {
        let key = with_key.then(|| format!("chaos-{}", Uuid::new_v4()));
        let again = rng.index(REPOST_SHARE) == 0;
        Self {
            key,
            body: context.new_body(),
            needed: if with_key && again { 2 } else { 1 },
            cancel: CancelMoment::draw(with_key, rng),
            rng: rng.split(),
        }
    }

    /// Prepares the next POST after one that was not accepted. Replaces the body if there is no key: if the last attempt was
    /// accepted after all, its row must not be mistaken for that of the next one.
    pub(super) fn renew_body(&mut self, context: &RequestContext) {
        if self.key.is_none() {
            self.body = context.new_body();
        }
    }

    /// Records that the notification is about to be posted, and cancels it if it is time.
    pub(super) fn begin_attempt(&mut self, context: &Arc<RequestContext>) {
        context.record(&LedgerEntry::Attempt {
            body: self.body.fingerprint(),
            key: self.key.clone(),
            times: self.body.times,
        });
        if let (Some(CancelMoment::AfterPost(pause)), Some(key)) = (self.cancel, &self.key)
            && let Ok(key) = key.parse::<IdempotencyKey>()
        {
            let id = MessageId::for_key(KeyNamespace::of_service(tokens::SERVICE), &key);
            self.cancel = None;
            self.start_cancellation(context, id.as_uuid(), pause);
        }
    }

    /// Records a 202, and cancels the notification if it is to be cancelled.
    pub(super) fn accept(&mut self, context: &Arc<RequestContext>, id: Uuid) {
        context.record(&LedgerEntry::Accepted {
            body: self.body.fingerprint(),
            key: self.key.clone(),
            id,
        });
        self.needed -= 1;
        if let Some(moment) = self.cancel.take() {
            let pause = moment.pause_after_answer(self.body.times.send_at);
            self.start_cancellation(context, id, pause);
        }
    }

    /// Gives the notification up after the API has refused it because its time is over. Returns whether it is.
    pub(super) fn give_up(&mut self) -> bool {
        self.needed = 0;
        self.body.times.is_over(Timestamp::now())
    }

    fn start_cancellation(
        &mut self,
        context: &Arc<RequestContext>,
        id: Uuid,
        pause: std::time::Duration,
    ) {
        let cancellation = Cancellation {
            target: CancelTarget::Notification(id),
            pause,
            rng: self.rng.split(),
        };
        context.spawn(cancellation.cancel(Arc::clone(context)));
    }

    /// Returns the item of a batch.
    pub(super) fn to_item(&self) -> Value {
        let mut item = self.body.to_json();
        if let Some(key) = &self.key {
            item["idempotencyKey"] = key.as_str().into();
        }
        item
    }
}
