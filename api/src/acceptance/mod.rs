//! Makes a notification durable: by RabbitMQ, and by PostgreSQL while RabbitMQ does not take it in time.
//!
//! The usual way is a publish with a confirm, without the database. If the publisher is not connected, or the broker has
//! not confirmed within `ACCEPT_HEDGE_MS`, the API records the notification itself, under the same message id, as the
//! intake would. The first of the two counts. A message that arrives nevertheless finds its row, which is harmless.

mod availability;
mod recorder;
mod settings;

use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{BoxFuture, join_all};
use tidings_broker::{Outgoing, PublishError, Publisher};
use tidings_db::Database;
use tidings_domain::notification::{Channel, Notification};
use tidings_runtime::tasks::Tasks;
use tidings_runtime::traces::{self, KeyValue, Kind, Span, semconv};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::error::{ApiError, ErrorDetail};
use crate::idempotency;
use crate::inbox::Inboxes;
use availability::Availability;
use recorder::{NotRecorded, Recorder};
pub use settings::AcceptanceSettings;

/// What has stored a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredBy {
    /// RabbitMQ, as a message.
    Broker,
    /// PostgreSQL, as a row.
    Database,
}

impl StoredBy {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Broker, Self::Database];

    /// The label of the metric.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::Database => "database",
        }
    }
}

/// Why a notification is not known to be stored.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotStored {
    /// Neither server has stored it in time. Contains the error of the publish.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// PostgreSQL can never store its payload.
    #[error("PostgreSQL cannot store the payload")]
    NotStorable,
    /// Another notification is stored under its idempotency key.
    #[error("another notification is stored under the same idempotency key")]
    KeyReused,
}

impl From<NotStored> for ApiError {
    fn from(error: NotStored) -> Self {
        const PROBLEM: &str = "contains what the database cannot store";
        match error {
            NotStored::Publish(error) => error.into(),
            NotStored::NotStorable => {
                let details = vec![ErrorDetail::new("payload", PROBLEM)];
                let message = format!("Invalid fields: payload: {PROBLEM}");
                Self::bad_request("invalid_fields", message, details)
            }
            NotStored::KeyReused => idempotency::key_reused(),
        }
    }
}

/// Stores notifications.
#[derive(Clone)]
pub struct Acceptance {
    publisher: Publisher,
    /// `None` if only the broker accepts (`ACCEPT_WITHOUT_BROKER=false`).
    fallback: Option<Fallback>,
}

/// The way by PostgreSQL.
#[derive(Clone)]
struct Fallback {
    settings: AcceptanceSettings,
    recorder: Recorder,
    availability: Arc<Availability>,
}

impl Fallback {
    /// Records a notification, in a span of its trace.
    async fn record(&self, notification: Notification) -> Result<(), NotRecorded> {
        let span = Span::child_of_current(Kind::Client, || {
            let attributes = vec![
                KeyValue::new(semconv::DB_SYSTEM_NAME, "postgresql"),
                KeyValue::new(semconv::DB_OPERATION_NAME, "INSERT"),
                KeyValue::new(semconv::DB_COLLECTION_NAME, "notifications"),
                KeyValue::new(semconv::CHANNEL, notification.channel.as_str()),
            ];
            ("INSERT notifications", attributes)
        });
        let recorded = self.recorder.record(notification).await;
        if let Err(error) = recorded {
            span.fail(error.code());
        }
        recorded
    }
}

impl Acceptance {
    /// Accepts by `publisher`, and by `database` as `settings` say. The tasks end when `stop` is cancelled.
    pub fn start(
        publisher: Publisher,
        database: &Database,
        settings: AcceptanceSettings,
        inbox: &Inboxes,
        tasks: &mut Tasks,
        stop: &CancellationToken,
    ) -> Self {
        let fallback = settings.enabled.then(|| {
            let max_held = match settings.queue_max_length {
                0 => 0,
                limit => limit.saturating_add(1),
            };
            let availability = Arc::new(Availability::new(max_held));
            let watching = Arc::clone(&availability).watch(database.clone(), publisher.clone());
            let token = stop.clone();
            tasks.spawn("scheduler watch", async move {
                token.run_until_cancelled(watching).await;
            });
            Fallback {
                recorder: Recorder::start(database, inbox, settings.connections, tasks, stop),
                settings,
                availability,
            }
        });
        Self {
            publisher,
            fallback,
        }
    }

    /// Whether notifications are accepted although the broker is away.
    pub fn works_without_broker(&self) -> bool {
        let fallback = self.fallback.as_ref();
        fallback.is_some_and(|fallback| fallback.availability.scheduler_runs())
    }

    /// The notifications of a channel that PostgreSQL holds because the broker was away, about a second ago.
    pub fn held_for_broker(&self, channel: Channel) -> u32 {
        let fallback = self.fallback.as_ref();
        fallback.map_or(0, |fallback| fallback.availability.held(channel))
    }

    /// Stores a notification, whose message is `message`.
    ///
    /// # Errors
    ///
    /// Returns why it is not known to be stored.
    pub async fn store(
        &self,
        notification: &Notification,
        message: Outgoing,
    ) -> Result<StoredBy, NotStored> {
        let publishing = self.publisher.publish(message);
        let Some(fallback) = self.fallback_for(notification.channel) else {
            return by_broker(publishing.await);
        };
        let deadline = Instant::now() + fallback.settings.timeout;
        let mut publishing = pin!(publishing);
        let published = timeout(fallback.settings.hedge, &mut publishing).await;
        // The error of a message that is too large is the message's own.
        if let Ok(settled @ (Ok(()) | Err(PublishError::TooLarge))) = published {
            return by_broker(settled);
        }
        let recording = timeout_at(deadline, fallback.record(notification.clone()));
        let recording = async { recording.await.unwrap_or(Err(NotRecorded::Unavailable)) };
        if let Ok(failed) = published {
            return either(recording.await, async { failed }).await;
        }
        let mut recording = pin!(recording);
        tokio::select! {
            published = &mut publishing => match published {
                Ok(()) => Ok(StoredBy::Broker),
                failed => either(recording.await, async { failed }).await,
            },
            recorded = &mut recording => either(recorded, publishing).await,
        }
    }

    /// Stores notifications, each independently of the others. Returns one result for each, in their order.
    pub async fn store_all(
        &self,
        messages: Vec<(Channel, Outgoing)>,
    ) -> Vec<Result<StoredBy, NotStored>> {
        let channels: Vec<Channel> = messages.iter().map(|(channel, _)| *channel).collect();
        // Shared with the messages, not copied.
        let bodies: Vec<_> = messages.iter().map(|(_, message)| message.body()).collect();
        let messages = messages.into_iter().map(|(_, message)| message).collect();
        let publishing = self.publisher.publish_all(messages);
        let Some(Fallback { settings, .. }) = &self.fallback else {
            let published = publishing.await;
            return published.into_iter().map(by_broker).collect();
        };
        let deadline = Instant::now() + settings.timeout;
        let mut publishing: BoxFuture<'_, _> = Box::pin(publishing);
        let published = timeout(settings.hedge, &mut publishing).await.ok();
        let is_settled = |index: usize| {
            let result = published.as_ref().map(|all| &all[index]);
            matches!(result, Some(Ok(()) | Err(PublishError::TooLarge)))
        };
        let recording = channels.iter().zip(&bodies).enumerate();
        let recorded = join_all(recording.map(async |(index, (channel, body))| {
            let fallback = self.fallback_for(*channel)?;
            if is_settled(index) {
                return None;
            }
            let notification = Notification {
                trace: traces::current(),
                ..Notification::decode(body).ok()?
            };
            let recording = timeout_at(deadline, fallback.record(notification));
            Some(recording.await.unwrap_or(Err(NotRecorded::Unavailable)))
        }))
        .await;
        let is_stored = |result: &Option<Result<(), _>>| matches!(result, Some(Ok(())));
        let published = match published {
            Some(published) => published,
            // All results are needed only if one was not recorded.
            None if recorded.iter().all(is_stored) => vec![Ok(()); recorded.len()],
            None => publishing.await,
        };
        let results = recorded.into_iter().zip(published);
        join_all(results.map(async |(recorded, published)| match recorded {
            None => by_broker(published),
            Some(recorded) => either(recorded, async { published }).await,
        }))
        .await
    }

    /// The way by PostgreSQL, if it takes notifications of this channel now.
    fn fallback_for(&self, channel: Channel) -> Option<&Fallback> {
        let fallback = self.fallback.as_ref()?;
        // An in-app notification needs no scheduler: recording delivers it.
        let is_usable = channel == Channel::InApp || fallback.availability.scheduler_runs();
        is_usable.then_some(fallback)
    }
}

/// Returns the result of a recording, and the one of the publish if PostgreSQL has not stored the notification.
async fn either(
    recorded: Result<(), NotRecorded>,
    publishing: impl Future<Output = Result<(), PublishError>>,
) -> Result<StoredBy, NotStored> {
    match recorded {
        Ok(()) => Ok(StoredBy::Database),
        Err(NotRecorded::NotStorable) => Err(NotStored::NotStorable),
        // The message, if it arrives, becomes a dead letter.
        Err(NotRecorded::KeyReused) => Err(NotStored::KeyReused),
        Err(NotRecorded::Unavailable | NotRecorded::UnknownUser) => by_broker(publishing.await),
    }
}

fn by_broker(published: Result<(), PublishError>) -> Result<StoredBy, NotStored> {
    published
        .map(|()| StoredBy::Broker)
        .map_err(NotStored::from)
}
