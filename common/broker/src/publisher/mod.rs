//! Publishes with confirms. A [`Publisher`] hands each message to the one task that owns the connection
//! and waits for the result.

mod channel_choice;
mod connection;
mod in_flight;
mod liveness;
mod message_limit;
mod permits;
mod request;
mod supervisor;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lapin::Connection;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use self::permits::Permits;
use self::request::Request;
use self::supervisor::{State, Supervisor};
use super::message::Outgoing;
use super::publish_error::PublishError;
use super::spans::end_span;
use crate::settings::BrokerSettings;

/// Publishes with confirms, many messages at once. Clones share one connection.
#[derive(Clone)]
pub struct Publisher {
    /// `None` for [`Publisher::immediate`].
    connection: Option<Handle>,
    permits: Permits,
    timeout: Duration,
}

/// The way to the task that owns the connection.
#[derive(Clone)]
struct Handle {
    requests: mpsc::UnboundedSender<Request>,
    state: watch::Receiver<State>,
    /// The number of the next batch.
    next_batch: Arc<AtomicUsize>,
}

/// The result of a message that is being published.
type Confirm = oneshot::Receiver<Result<(), PublishError>>;

impl Publisher {
    /// Starts connecting. `name` is what the management UI shows. Calls `changed` whenever publishing
    /// becomes possible or impossible. The task ends, and closes its connection, when `stop` is
    /// cancelled.
    #[must_use]
    pub fn start(
        settings: BrokerSettings,
        name: &'static str,
        changed: impl Fn(bool) + Send + Sync + 'static,
        stop: CancellationToken,
    ) -> (Self, JoinHandle<()>) {
        let permits = Permits::new(
            settings.publish_max_in_flight,
            settings.publish_max_bytes_in_flight,
        );
        let timeout = settings.publish_timeout;
        let (sender, requests) = mpsc::unbounded_channel();
        let (state_sender, state) = watch::channel(State::Disconnected);
        let supervisor = Supervisor::new(settings, name, requests, state_sender, changed);
        let task = tokio::spawn(supervisor.run(stop));
        let publisher = Self {
            connection: Some(Handle {
                requests: sender,
                state,
                next_batch: Arc::default(),
            }),
            permits,
            timeout,
        };
        (publisher, task)
    }

    /// A publisher that publishes nothing and succeeds at once, for measuring what a program costs
    /// without its broker. No setting leads here.
    #[must_use]
    pub fn immediate() -> Self {
        Self {
            connection: None,
            permits: Permits::new(1, 1),
            timeout: Duration::ZERO,
        }
    }

    /// Publishes and waits for the broker's positive confirm, at most `PUBLISH_TIMEOUT_MS`. Fails at
    /// once if there is no connection.
    ///
    /// Dropping the future does not take the message back. The message counts towards
    /// `PUBLISH_MAX_IN_FLIGHT` and `PUBLISH_MAX_BYTES_IN_FLIGHT` until the broker has confirmed it.
    ///
    /// # Errors
    ///
    /// Returns why the message is not known to be safe.
    pub async fn publish(&self, message: Outgoing) -> Result<(), PublishError> {
        let (message, span) = message.begin_span();
        let result = self.publish_one(message).await;
        end_span(&span, &result);
        result
    }

    async fn publish_one(&self, message: Outgoing) -> Result<(), PublishError> {
        let Some(connection) = &self.connection else {
            return Ok(());
        };
        connection.check()?;
        let deadline = Instant::now() + self.timeout;
        let weight = self.permits.weight(&message);
        let permit = match self.permits.try_acquire(weight) {
            Some(permit) => permit,
            None => self
                .permits
                .acquire(weight, weight, deadline)
                .await
                .ok_or(PublishError::TimedOut)?,
        };
        confirmed(connection.send(message, permit, None), deadline).await
    }

    /// Publishes all messages at once and waits for the broker's positive confirms, at most
    /// `PUBLISH_TIMEOUT_MS` for all of them together. Returns one result for each message, in their
    /// order. Fails at once if there is no connection.
    ///
    /// Dropping the future does not take the messages back: all of them are published.
    pub async fn publish_all(&self, batch: Vec<Outgoing>) -> Vec<Result<(), PublishError>> {
        let count = batch.len();
        let Some(connection) = &self.connection else {
            return vec![Ok(()); count];
        };
        let (batch, spans): (Vec<_>, Vec<_>) = batch.into_iter().map(Outgoing::begin_span).unzip();
        if let Err(error) = connection.check() {
            let result = Err(error);
            for span in &spans {
                end_span(span, &result);
            }
            return vec![result; count];
        }
        let deadline = Instant::now() + self.timeout;
        let (connection, permits) = (connection.clone(), self.permits.clone());
        // A separate task: a caller that goes away must not leave a part of the batch unpublished.
        let publishing = tokio::spawn(connection.publish_all(batch, permits, deadline));
        let results = publishing
            .await
            .unwrap_or_else(|_| vec![Err(PublishError::Panicked); count]);
        for (span, result) in spans.iter().zip(&results) {
            end_span(span, result);
        }
        results
    }

    /// Whether publishing is possible, as far as is known.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connected().is_some()
    }

    /// Waits until publishing is possible.
    pub async fn until_connected(&self) {
        if let Some(Handle { state, .. }) = &self.connection {
            let mut state = state.clone();
            // Fails only if the task has ended, that is when the program stops.
            let _ = state
                .wait_for(|state| matches!(state, State::Connected(_)))
                .await;
        }
    }

    /// The connection, for other uses than publishing.
    pub(super) fn connected(&self) -> Option<Arc<Connection>> {
        match &*self.connection.as_ref()?.state.borrow() {
            State::Connected(connection) => Some(Arc::clone(connection)),
            State::Blocked | State::Disconnected => None,
        }
    }
}

impl Handle {
    /// Whether a publish could succeed now.
    fn check(&self) -> Result<(), PublishError> {
        match &*self.state.borrow() {
            State::Connected(_) => Ok(()),
            State::Blocked => Err(PublishError::Blocked),
            State::Disconnected => Err(PublishError::Disconnected),
        }
    }

    /// Hands a message to the task. If the task has ended, the result is an error.
    fn send(
        &self,
        message: Outgoing,
        permit: OwnedSemaphorePermit,
        batch: Option<usize>,
    ) -> Confirm {
        let (reply, confirm) = oneshot::channel();
        let _ = self.requests.send(Request {
            message,
            reply,
            permit,
            batch,
        });
        confirm
    }

    /// Publishes as many messages at once as there are permits, so a batch may be larger than the
    /// number of permits.
    async fn publish_all(
        self,
        batch: Vec<Outgoing>,
        permits: Permits,
        deadline: Instant,
    ) -> Vec<Result<(), PublishError>> {
        let count = batch.len();
        let number = self.next_batch.fetch_add(1, Ordering::Relaxed);
        let mut confirms = Vec::with_capacity(count);
        let weights = batch.iter().map(|message| permits.weight(message));
        let mut wanted: u32 = weights.fold(0, u32::saturating_add);
        let mut left = batch.into_iter().peekable();
        while let Some(first) = left.peek() {
            let weight = permits.weight(first);
            let Some(mut permit) = permits.acquire(weight, wanted, deadline).await else {
                break;
            };
            while let Some(message) = left.peek() {
                let weight = permits.weight(message);
                let Some(permit) = permit.split(weight as usize) else {
                    break;
                };
                wanted = wanted.saturating_sub(weight);
                if let Some(message) = left.next() {
                    confirms.push(self.send(message, permit, Some(number)));
                }
            }
        }
        let mut results = Vec::with_capacity(count);
        for confirm in confirms {
            results.push(confirmed(confirm, deadline).await);
        }
        // The messages without a permit.
        results.resize(count, Err(PublishError::TimedOut));
        results
    }
}

/// Waits for the result of a message.
async fn confirmed(confirm: Confirm, deadline: Instant) -> Result<(), PublishError> {
    match timeout_at(deadline, confirm).await {
        Ok(Ok(result)) => result,
        // The task has ended.
        Ok(Err(_)) => Err(PublishError::Disconnected),
        Err(_) => Err(PublishError::TimedOut),
    }
}
