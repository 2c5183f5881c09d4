use std::collections::HashSet;
use std::time::Duration;

use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel};
use metrics::counter;
use tidings_domain::notification::UserId;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::body::{MAX_USERS, encode};
use crate::publisher::Publisher;
use crate::settings::BrokerSettings;

/// How many wakes wait to be published. Further ones are dropped.
const MAX_WAITING: usize = 1024;

/// Time limit for the broker to take a wake. A broker with an alarm reads nothing.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(2);

/// `delivery-mode` 1: the broker keeps the message in memory only.
const TRANSIENT: u8 = 1;

/// Publishes wakes. Clones share a task.
#[derive(Clone)]
pub struct WakePublisher(Option<mpsc::Sender<HashSet<UserId>>>);

impl WakePublisher {
    /// Publishes on the connection of `publisher`, on an AMQP channel of its own. Returns the task, which ends when all
    /// publishers are dropped.
    pub fn start(
        publisher: Publisher,
        settings: &BrokerSettings,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (sender, mut waiting) = mpsc::channel::<HashSet<UserId>>(MAX_WAITING);
        counter!("tidings_inbox_wakes_published_total").absolute(0);
        counter!("tidings_inbox_wakes_dropped_total").absolute(0);
        let mut publishing = WakeChannel {
            publisher,
            exchange: settings.names.wakes_exchange().into(),
            channel: None,
        };
        let task = async move {
            while let Some(users) = waiting.recv().await {
                let users: Vec<UserId> = users.into_iter().collect();
                for part in users.chunks(MAX_USERS) {
                    publishing.publish(part).await;
                }
            }
        };
        (Self(Some(sender)), task)
    }

    /// Publishes nothing: for benchmarks, which compare it with one that does.
    #[must_use]
    pub const fn silent() -> Self {
        Self(None)
    }

    /// Announces that the inboxes of `users` have changed. Never waits. A wake that cannot be published at once is dropped.
    pub fn wake(&self, users: impl IntoIterator<Item = UserId>) {
        let Some(sender) = &self.0 else { return };
        let users: HashSet<UserId> = users.into_iter().collect();
        if !users.is_empty() && sender.try_send(users).is_err() {
            counter!("tidings_inbox_wakes_dropped_total").increment(1);
        }
    }
}

/// A channel without confirms. An error ends it, and the next wake opens another one.
struct WakeChannel {
    publisher: Publisher,
    exchange: ShortString,
    channel: Option<Channel>,
}

impl WakeChannel {
    async fn publish(&mut self, users: &[UserId]) {
        let published = timeout(PUBLISH_TIMEOUT, self.try_publish(users)).await;
        if published == Ok(Some(())) {
            counter!("tidings_inbox_wakes_published_total").increment(1);
        } else {
            self.channel = None;
            counter!("tidings_inbox_wakes_dropped_total").increment(1);
        }
    }

    /// Returns `None` if there is no connection or the broker refuses.
    async fn try_publish(&mut self, users: &[UserId]) -> Option<()> {
        let connection = self.publisher.connected()?;
        let is_open = |channel: &Channel| channel.status().connected();
        let channel = match self.channel.take().filter(is_open) {
            Some(channel) => channel,
            None => connection.create_channel().await.ok()?,
        };
        let properties = BasicProperties::default()
            .with_delivery_mode(TRANSIENT)
            .with_content_type("application/octet-stream".into());
        let body = encode(users);
        // Not mandatory: if no API has a stream, there is no queue.
        let published = channel.basic_publish(
            self.exchange.clone(),
            ShortString::default(),
            BasicPublishOptions::default(),
            &body,
            properties,
        );
        // Without confirms, there is nothing else to wait for.
        published.await.ok()?;
        self.channel = Some(channel);
        Some(())
    }
}
