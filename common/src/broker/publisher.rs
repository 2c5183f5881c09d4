use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::connector::Connector;
use super::message::Outgoing;
use super::publish_error::PublishError;
use super::session::{Notice, Session};
use crate::settings::BrokerSettings;

#[derive(Clone)]
enum State {
    Disconnected,
    Blocked(Arc<Session>),
    Connected(Arc<Session>),
}

/// Publishes with confirms over one connection and a few channels, many at once, and keeps the
/// connection up. Clones share the connection.
#[derive(Clone)]
pub struct Publisher {
    state: watch::Receiver<State>,
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
        let (sender, state) = watch::channel(State::Disconnected);
        let publisher = Self {
            state,
            permits: Arc::new(Semaphore::new(settings.publish_max_in_flight)),
            timeout: settings.publish_timeout,
        };
        let supervisor = Supervisor {
            channels: settings.publish_channels,
            connector: Connector::new(settings, name),
            sender,
            changed,
        };
        let task = tokio::spawn(async move {
            tokio::select! {
                () = supervisor.run() => {}
                () = stop.cancelled() => {}
            }
            if let Some(session) = supervisor.session() {
                session.close().await;
            }
        });
        (publisher, task)
    }

    /// Publishes and waits for the broker's positive confirm, at most `PUBLISH_TIMEOUT_MS`. Returns
    /// at once where there is no connection.
    ///
    /// Dropping the future does not take the message back: it is confirmed in the background.
    ///
    /// # Errors
    ///
    /// Wherever the message is not known to be safe.
    pub async fn publish(&self, out: Outgoing) -> Result<(), PublishError> {
        let session = self.connected()?;
        let deadline = Instant::now() + self.timeout;
        let permits = Arc::clone(&self.permits);
        let Ok(Ok(permit)) = timeout_at(deadline, permits.acquire_owned()).await else {
            return Err(PublishError::TimedOut);
        };
        // A task of its own, because a caller that goes away must not drop a confirm: lapin keeps
        // dropped ones for ever.
        let publishing = tokio::spawn(async move {
            let outcome = timeout_at(deadline, session.publish(out))
                .await
                .unwrap_or(Err(PublishError::TimedOut));
            session.note(&outcome);
            drop(permit);
            outcome
        });
        publishing.await.unwrap_or(Err(PublishError::Panicked))
    }

    /// Whether publishing is possible, as far as is known.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connected().is_ok()
    }

    /// Waits until publishing is possible.
    pub async fn until_connected(&self) {
        let mut state = self.state.clone();
        // Ends with an error only when the supervisor is gone, that is when the program stops.
        let _ = state
            .wait_for(|state| matches!(state, State::Connected(_)))
            .await;
    }

    /// The session for other uses of the same connection.
    pub(super) fn connected(&self) -> Result<Arc<Session>, PublishError> {
        match &*self.state.borrow() {
            State::Connected(session) => Ok(Arc::clone(session)),
            State::Blocked(_) => Err(PublishError::Blocked),
            State::Disconnected => Err(PublishError::Disconnected),
        }
    }
}

struct Supervisor<F> {
    connector: Connector,
    channels: u16,
    sender: watch::Sender<State>,
    changed: F,
}

impl<F: Fn(bool)> Supervisor<F> {
    /// Opens one session after the other, for ever.
    async fn run(&self) {
        let mut backoff = Backoff::new();
        loop {
            match Session::open(&self.connector, self.channels).await {
                Ok(session) => {
                    backoff.reset();
                    self.serve(Arc::new(session)).await;
                }
                Err(error) => {
                    tracing::warn!(
                        connection = self.connector.name(),
                        error = &error as &dyn std::error::Error,
                        "cannot publish; trying again"
                    );
                }
            }
            backoff.pause().await;
        }
    }

    async fn serve(&self, session: Arc<Session>) {
        self.enter(State::Connected(Arc::clone(&session)));
        let (connection, node) = (self.connector.name(), session.node());
        tracing::info!(connection, %node, "connected to RabbitMQ");
        let reason = session
            .until_its_end(|notice| match notice {
                Notice::Blocked => {
                    tracing::warn!(
                        connection,
                        "RabbitMQ blocks publishers: memory or disk alarm"
                    );
                    self.enter(State::Blocked(Arc::clone(&session)));
                }
                Notice::Unblocked => {
                    tracing::info!(connection, "RabbitMQ takes publishes again");
                    self.enter(State::Connected(Arc::clone(&session)));
                }
            })
            .await;
        self.enter(State::Disconnected);
        tracing::warn!(connection, %node, reason, "connection to RabbitMQ lost");
        self.connector.leave(node);
        session.close().await;
    }

    fn enter(&self, state: State) {
        (self.changed)(matches!(state, State::Connected(_)));
        self.sender.send_replace(state);
    }

    fn session(&self) -> Option<Arc<Session>> {
        match &*self.sender.borrow() {
            State::Connected(session) | State::Blocked(session) => Some(Arc::clone(session)),
            State::Disconnected => None,
        }
    }
}
