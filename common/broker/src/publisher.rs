use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::message::Outgoing;
use super::pool::{Member, Pool};
use super::publish_error::PublishError;
use super::session::Session;
use super::supervisor::Supervisor;
use super::wire::Confirmation;
use crate::BrokerSettings;

/// Publishes with confirms over connections of a few channels, many at once, and keeps the connections
/// up. Clones share them.
#[derive(Clone)]
pub struct Publisher {
    /// None where there is no broker, and everything is said to be safe.
    connection: Option<Member>,
    permits: Arc<Semaphore>,
    timeout: Duration,
}

impl Publisher {
    /// Starts connecting. `name` is what the management UI shows; `changed` is told whenever
    /// publishing becomes possible or impossible. The task ends, and the connection with it, when
    /// `stop` is cancelled.
    #[must_use]
    pub fn start(
        settings: BrokerSettings,
        name: &'static str,
        changed: impl Fn(bool) + Send + Sync + 'static,
        stop: CancellationToken,
    ) -> (Self, JoinHandle<()>) {
        let permits = Arc::new(Semaphore::new(settings.publish_max_in_flight));
        let timeout = settings.publish_timeout;
        let (seat, connection) = Pool::new(settings, name, changed).add();
        let task = Supervisor::start(seat, stop);
        let publisher = Self {
            connection: Some(connection),
            permits,
            timeout,
        };
        (publisher, task)
    }

    /// The same with a connection of its own, which lives on the runtime of the calling thread: where
    /// that has one thread, what is published wakes no other. While its own connection is away, it
    /// publishes over those of the others. The task ends, and its connection with it, when `stop` is
    /// cancelled.
    #[must_use]
    pub fn connected_here(&self, stop: CancellationToken) -> (Self, JoinHandle<()>) {
        let (connection, task) = match &self.connection {
            Some(connection) => {
                let (seat, connection) = connection.pool().add();
                (Some(connection), Supervisor::start(seat, stop))
            }
            None => (None, tokio::spawn(async {})),
        };
        let publisher = Self {
            connection,
            ..self.clone()
        };
        (publisher, task)
    }

    /// One that publishes nothing and says at once that it has: for measuring what a program costs
    /// without its broker. No setting leads here.
    #[must_use]
    pub fn immediate() -> Self {
        Self {
            connection: None,
            permits: Arc::new(Semaphore::new(1)),
            timeout: Duration::ZERO,
        }
    }

    /// Publishes and waits for the broker's positive confirm, at most `PUBLISH_TIMEOUT_MS`. Returns
    /// at once where there is no connection.
    ///
    /// Dropping the future does not take the message back: what the broker says of it counts all the
    /// same, and until then it takes part in `PUBLISH_MAX_IN_FLIGHT`.
    ///
    /// # Errors
    ///
    /// Wherever the message is not known to be safe.
    pub async fn publish(&self, out: Outgoing) -> Result<(), PublishError> {
        let Some(connection) = &self.connection else {
            return Ok(());
        };
        let session = connection.session()?;
        let deadline = Instant::now() + self.timeout;
        let permits = Arc::clone(&self.permits);
        let Ok(Ok(permit)) = timeout_at(deadline, permits.acquire_owned()).await else {
            return Err(PublishError::TimedOut);
        };
        confirmed(session.publish(&out, permit)?, deadline).await
    }

    /// Publishes all at once and waits for the broker's positive confirms, at most
    /// `PUBLISH_TIMEOUT_MS` for all of them together. Returns of each how it ended, in their order; at
    /// once where there is no connection.
    ///
    /// Dropping the future does not take the messages back: they go on being published.
    pub async fn publish_all(&self, batch: Vec<Outgoing>) -> Vec<Result<(), PublishError>> {
        let count = batch.len();
        let Some(connection) = &self.connection else {
            return vec![Ok(()); count];
        };
        let session = match connection.session() {
            Ok(session) => session,
            Err(error) => return vec![Err(error); count],
        };
        let deadline = Instant::now() + self.timeout;
        // A task of its own, because a caller that goes away must not leave a part of them unpublished.
        let publishing = tokio::spawn(publish_all(session, batch, self.permits.clone(), deadline));
        publishing
            .await
            .unwrap_or_else(|_| vec![Err(PublishError::Panicked); count])
    }

    /// Whether publishing is possible, as far as is known.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connected().is_ok()
    }

    /// Waits until its own connection is there.
    pub async fn until_connected(&self) {
        if let Some(connection) = &self.connection {
            connection.until_connected().await;
        }
    }

    /// The session for other uses of the same connection.
    pub(super) fn connected(&self) -> Result<Arc<Session>, PublishError> {
        let connection = self.connection.as_ref();
        connection.ok_or(PublishError::Disconnected)?.session()
    }
}

/// Publishes as many at once as there are permits for, and waits for all of them; so a batch may be
/// larger than there are permits.
async fn publish_all(
    session: Arc<Session>,
    batch: Vec<Outgoing>,
    permits: Arc<Semaphore>,
    deadline: Instant,
) -> Vec<Result<(), PublishError>> {
    let count = batch.len();
    let mut published = Vec::with_capacity(count);
    let mut left = batch.into_iter();
    while left.len() > 0 {
        let Some(mut permit) = some_permits(&permits, left.len(), deadline).await else {
            break;
        };
        let together = left.by_ref().take(permit.num_permits());
        let messages: Vec<_> = together
            .filter_map(|message| Some((message, permit.split(1)?)))
            .collect();
        let sent = messages.len();
        match session.publish_all(messages) {
            Ok(confirmations) => published.extend(confirmations),
            Err(error) => published.extend((0..sent).map(|_| Err(error.clone()))),
        }
    }
    let mut outcomes = Vec::with_capacity(count);
    for confirmation in published {
        outcomes.push(match confirmation {
            Ok(confirmation) => confirmed(confirmation, deadline).await,
            Err(error) => Err(error),
        });
    }
    // Those that there was no permit for.
    outcomes.resize(count, Err(PublishError::TimedOut));
    outcomes
}

/// Waits for one permit, and takes with it as many more as are free, up to `wanted`.
async fn some_permits(
    permits: &Arc<Semaphore>,
    wanted: usize,
    deadline: Instant,
) -> Option<OwnedSemaphorePermit> {
    let first = Arc::clone(permits).acquire_owned();
    let mut permit = timeout_at(deadline, first).await.ok()?.ok()?;
    let more = permits.available_permits().min(wanted - 1);
    // Somebody else may have been quicker.
    if let Ok(more) = u32::try_from(more)
        && let Ok(more) = Arc::clone(permits).try_acquire_many_owned(more)
    {
        permit.merge(more);
    }
    Some(permit)
}

/// Waits until the broker has said how a message fared.
async fn confirmed(confirmation: Confirmation, deadline: Instant) -> Result<(), PublishError> {
    match timeout_at(deadline, confirmation).await {
        Ok(Ok(outcome)) => outcome,
        // Nobody drops a slot without a word; if somebody did, this is what had happened.
        Ok(Err(_)) => Err(PublishError::Disconnected),
        Err(_) => Err(PublishError::TimedOut),
    }
}
