use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use tidings_broker::{Outgoing, PublishError, WaitsFor};
use tidings_db::notifications::DueNotification;
use tidings_domain::notification::{Channel, DeliveryKind, DeliveryRequest, MessageId};
use tokio::time::Instant;

use super::{Scheduler, released};
use crate::delivery::webhook_wait_key;

/// How long a channel is left alone whose queue refused a message.
const CHANNEL_PAUSE: Duration = Duration::from_secs(5);

/// What came of the messages of a batch.
#[derive(Debug, Default)]
pub(super) struct Published {
    pub(super) confirmed: Vec<MessageId>,
    /// The broker has not stored these.
    pub(super) not_stored: Vec<MessageId>,
    /// Whether the queue of the channel takes no messages.
    pub(super) is_refused: bool,
    /// Whether the broker as a whole takes no messages.
    pub(super) broker_is_away: bool,
}

impl Published {
    fn add(&mut self, id: MessageId, result: Result<(), PublishError>) {
        let Err(error) = result else {
            self.confirmed.push(id);
            return;
        };
        if !self.is_refused && !self.broker_is_away {
            tracing::warn!(%error, "due notifications cannot be published; trying again");
        }
        match error {
            PublishError::Refused | PublishError::Unroutable | PublishError::TooLarge => {
                self.is_refused = true;
                self.not_stored.push(id);
            }
            PublishError::Disconnected | PublishError::Blocked => {
                self.broker_is_away = true;
                self.not_stored.push(id);
            }
            // The broker may have stored the message: it is not published again before the lease is over.
            PublishError::TimedOut | PublishError::Lost(_) | PublishError::Panicked => {
                self.broker_is_away = true;
            }
        }
    }
}

/// The channels whose queues refused a message lately.
#[derive(Debug, Default)]
pub(super) struct PausedChannels(HashMap<Channel, Instant>);

impl PausedChannels {
    pub(super) fn contains(&self, channel: Channel, now: Instant) -> bool {
        self.0.get(&channel).is_some_and(|until| now < *until)
    }

    pub(super) fn add(&mut self, channel: Channel, now: Instant) {
        self.0.insert(channel, now + CHANNEL_PAUSE);
    }
}

impl Scheduler {
    /// Publishes the messages of due notifications, all concurrently, and waits for their confirms.
    pub(super) async fn publish(&self, due: &[DueNotification]) -> Published {
        let publishing = due
            .iter()
            .map(|due| self.publisher.publish(self.message(due)));
        let results = join_all(publishing).await;
        let mut published = Published::default();
        for (due, result) in due.iter().zip(results) {
            if result.is_ok() {
                released(due.channel.into()).increment(1);
            }
            published.add(due.message_id, result);
        }
        published
    }

    fn message(&self, due: &DueNotification) -> Outgoing {
        let request = DeliveryRequest {
            message_id: due.message_id,
            kind: DeliveryKind::of(due.user_id.is_some(), due.has_category),
        };
        let message = self
            .message_factory
            .delivery_of_attempt(due.channel, request, due.attempt)
            .in_trace(due.trace.clone());
        let target = due.webhook_target.as_deref();
        match target.and_then(|target| webhook_wait_key(due.user_id, target)) {
            Some(key) => message.waiting_for(&WaitsFor::key(key)),
            None => message,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(error: PublishError) -> Published {
        let mut published = Published::default();
        published.add(MessageId::generate(), Err(error));
        published.add(MessageId::generate(), Ok(()));
        assert_eq!(published.confirmed.len(), 1);
        published
    }

    #[test]
    fn a_refused_message_pauses_its_channel_only() {
        for error in [PublishError::Refused, PublishError::Unroutable] {
            let refused = published(error);
            assert!(refused.is_refused && !refused.broker_is_away);
            assert_eq!(refused.not_stored.len(), 1);
        }
        let (mut paused, now) = (PausedChannels::default(), Instant::now());
        paused.add(Channel::Email, now);
        assert!(paused.contains(Channel::Email, now));
        assert!(!paused.contains(Channel::Sms, now));
        assert!(!paused.contains(Channel::Email, now + CHANNEL_PAUSE));
    }

    #[test]
    fn only_what_the_broker_has_not_stored_is_published_again_at_once() {
        for error in [PublishError::Disconnected, PublishError::Blocked] {
            let away = published(error);
            assert!(away.broker_is_away && !away.is_refused);
            assert_eq!(away.not_stored.len(), 1);
        }
        for error in [
            PublishError::TimedOut,
            PublishError::Lost("closed".to_owned()),
            PublishError::Panicked,
        ] {
            let away = published(error);
            assert!(away.broker_is_away && !away.is_refused);
            assert!(away.not_stored.is_empty());
        }
    }
}
