use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use super::api_client::{ApiClient, Exchange};
use super::pending_notification::PendingNotification;
use super::request_context::RequestContext;
use super::responses::NotificationOutcome;
use crate::rng::Rng;
use crate::timing::wait;

/// Seconds until a refused item of a batch is posted again.
const RETRY_AFTER: u64 = 2;

/// The pause after a request without a response, in milliseconds.
const PAUSE_AFTER_NO_RESPONSE: std::ops::RangeInclusive<u64> = 100..=1_000;

/// The pause after an unexpected response.
const PAUSE_AFTER_WRONG: Duration = Duration::from_secs(5);

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
    /// Posts until each notification has its 202s, or its time is over.
    pub(super) async fn post(mut self, context: Arc<RequestContext>) {
        while !self.notifications.is_empty() {
            // Another API process may be available if the last one was not.
            let api = self.rng.index(context.apis.len());
            for notification in &mut self.notifications {
                notification.begin_attempt(&context);
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

    async fn send(&self, api: &ApiClient) -> Exchange<Vec<NotificationOutcome>> {
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
        result: &Exchange<Vec<NotificationOutcome>>,
        context: &Arc<RequestContext>,
        api: usize,
    ) -> Option<Duration> {
        let attempts = self.notifications.len();
        match result {
            Exchange::Answered(outcomes) => {
                let mut refused = 0;
                for (notification, outcome) in self.notifications.iter_mut().zip(outcomes) {
                    match outcome {
                        NotificationOutcome::Accepted(id) => {
                            notification.accept(context, *id);
                            context.stats.accepted(api);
                        }
                        NotificationOutcome::Refused => refused += 1,
                        NotificationOutcome::Expired => {
                            if !notification.give_up() {
                                let what = "400 expires_before_send before its time";
                                context
                                    .report_wrong(what, &notification.body.to_json().to_string());
                            }
                            context.stats.expired();
                        }
                    }
                }
                context.stats.refused(refused);
                (refused > 0).then(|| self.retry_after(RETRY_AFTER))
            }
            Exchange::Refused(secs) => {
                context.stats.refused(attempts);
                Some(self.retry_after(*secs))
            }
            Exchange::Nothing => {
                context.stats.unanswered(attempts);
                Some(self.rng.millis(PAUSE_AFTER_NO_RESPONSE))
            }
            Exchange::Wrong(what, text) => {
                context.report_wrong(what, text);
                Some(PAUSE_AFTER_WRONG)
            }
        }
    }

    fn retry_after(&mut self, secs: u64) -> Duration {
        Duration::from_secs(secs) + self.rng.millis(0..=1_000)
    }
}
