use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use tidings_broker::{Outgoing, PublishError, WaitsFor};
use tidings_db::notifications::DueNotification;
use tidings_domain::notification::{Channel, DeliveredChannel, MessageId};
use tokio::time::Instant;

use super::{Scheduler, released};
use crate::delivery::webhook_wait_key;

/// How long a channel is left alone whose queue refused a message.
const CHANNEL_PAUSE: Duration = Duration::from_secs(5);

/// What came of the messages of a batch.
#[derive(Debug, Default)]
pub(super) struct Published {
    pub(super) confirmed: Vec<MessageId>,
    /// Not confirmed. The broker may have stored these too.
    pub(super) failed: Vec<MessageId>,
    /// The channels whose queue takes no messages.
    pub(super) refused: Vec<DeliveredChannel>,
    /// Whether the broker as a whole takes no messages.
    pub(super) broker_is_away: bool,
}

impl Published {
    fn add(&mut self, due: &DueNotification, result: Result<(), PublishError>) {
        let Err(error) = result else {
            self.confirmed.push(due.message_id);
            return;
        };
        self.failed.push(due.message_id);
        match error {
            PublishError::Refused | PublishError::Unroutable | PublishError::TooLarge => {
                if !self.refused.contains(&due.channel) {
                    tracing::warn!(
                        %error,
                        channel = due.channel.as_str(),
                        "a due notification cannot be published; trying again"
                    );
                    self.refused.push(due.channel);
                }
            }
            PublishError::Disconnected
            | PublishError::Blocked
            | PublishError::TimedOut
            | PublishError::Lost(_)
            | PublishError::Panicked => {
                if !self.broker_is_away {
                    tracing::warn!(%error, "due notifications cannot be published; trying again");
                }
                self.broker_is_away = true;
            }
        }
    }
}

/// The channels whose queues refused a message lately. The others go on.
#[derive(Debug, Default)]
pub(super) struct PausedChannels(HashMap<Channel, Instant>);

impl PausedChannels {
    pub(super) fn contains(&self, channel: Channel, now: Instant) -> bool {
        self.0.get(&channel).is_some_and(|until| now < *until)
    }

    pub(super) fn add(&mut self, published: &Published, now: Instant) {
        for channel in &published.refused {
            self.0.insert((*channel).into(), now + CHANNEL_PAUSE);
        }
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
            published.add(due, result);
        }
        published
    }

    fn message(&self, due: &DueNotification) -> Outgoing {
        let message =
            self.message_factory
                .delivery_of_attempt(due.channel, due.message_id, due.attempt);
        let target = due.webhook_target.as_deref();
        match target.and_then(|target| webhook_wait_key(due.user_id, target)) {
            Some(key) => message.waiting_for(&WaitsFor::key(key)),
            None => message,
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn due(channel: DeliveredChannel) -> DueNotification {
        DueNotification {
            message_id: MessageId::generate(),
            user_id: Uuid::nil().into(),
            channel,
            attempt: 0,
            webhook_target: None,
        }
    }

    #[test]
    fn a_refused_message_pauses_its_channel_only() {
        let mut published = Published::default();
        published.add(&due(DeliveredChannel::Email), Err(PublishError::Refused));
        published.add(&due(DeliveredChannel::Email), Err(PublishError::Unroutable));
        published.add(&due(DeliveredChannel::Sms), Ok(()));
        assert_eq!(published.refused, [DeliveredChannel::Email]);
        assert_eq!((published.failed.len(), published.confirmed.len()), (2, 1));
        assert!(!published.broker_is_away);
        let (mut paused, now) = (PausedChannels::default(), Instant::now());
        paused.add(&published, now);
        assert!(paused.contains(Channel::Email, now));
        assert!(!paused.contains(Channel::Sms, now));
        assert!(!paused.contains(Channel::Email, now + CHANNEL_PAUSE));
    }

    #[test]
    fn without_a_confirm_the_broker_counts_as_away() {
        for error in [
            PublishError::Disconnected,
            PublishError::Blocked,
            PublishError::TimedOut,
            PublishError::Lost("closed".to_owned()),
        ] {
            let mut published = Published::default();
            published.add(&due(DeliveredChannel::Push), Err(error.clone()));
            assert!(published.broker_is_away, "{error}");
            assert_eq!(published.failed.len(), 1);
        }
    }
}
