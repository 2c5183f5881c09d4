use std::sync::Arc;

use lapin::Connection;
use tidings_runtime::tasks::vital;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::connection::{Notice, PublishingConnection};
use super::message_limit::MessageLimit;
use super::request::Request;
use crate::backoff::Backoff;
use crate::connection_metrics::{PublishingGauges, Reconnects};
use crate::connector::Connector;
use crate::publish_error::PublishError;
use crate::settings::BrokerSettings;

/// Whether publishing is possible.
#[derive(Clone)]
pub(super) enum State {
    Disconnected,
    /// The broker has raised a memory or disk alarm and reads no publishes.
    Blocked,
    Connected(Arc<Connection>),
}

/// Keeps the publisher's connection open.
pub(super) struct Supervisor {
    settings: BrokerSettings,
    connector: Arc<Connector>,
    requests: mpsc::UnboundedReceiver<Request>,
    state: StateSender,
    reconnects: Reconnects,
    limit: MessageLimit,
}

/// Tells everyone the state.
struct StateSender {
    sender: watch::Sender<State>,
    changed: Box<dyn Fn(bool) + Send + Sync>,
    gauges: PublishingGauges,
}

impl Supervisor {
    pub(super) fn new(
        settings: BrokerSettings,
        name: &'static str,
        requests: mpsc::UnboundedReceiver<Request>,
        state: watch::Sender<State>,
        changed: impl Fn(bool) + Send + Sync + 'static,
    ) -> Self {
        Self {
            connector: Arc::new(Connector::new(settings.clone(), name)),
            settings,
            requests,
            state: StateSender {
                sender: state,
                changed: Box::new(changed),
                gauges: PublishingGauges::new(),
            },
            reconnects: Reconnects::new("publishing"),
            limit: MessageLimit::default(),
        }
    }

    /// Opens one connection after the other until `stop` is cancelled.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut backoff = Backoff::new();
        loop {
            let opening = PublishingConnection::open(&self.connector, &self.settings);
            match stop.run_until_cancelled(opening).await {
                None => break,
                Some(Ok(connection)) => {
                    if self.serve(connection, &stop).await.is_none() {
                        break;
                    }
                    // A connection that ends at once is not followed by the next one at once.
                    backoff.reset();
                }
                Some(Err(error)) => {
                    tracing::warn!(
                        connection = self.connector.name(),
                        error = &error as &dyn std::error::Error,
                        "cannot publish; trying again"
                    );
                }
            }
            if stop.run_until_cancelled(backoff.pause()).await.is_none() {
                break;
            }
        }
    }

    /// Publishes on a connection until it ends. Returns `None` if `stop` was cancelled first.
    async fn serve(
        &mut self,
        mut publishing: PublishingConnection,
        stop: &CancellationToken,
    ) -> Option<()> {
        let (name, node) = (self.connector.name(), publishing.node().clone());
        tracing::info!(connection = name, %node, "connected to RabbitMQ");
        let connected = State::Connected(Arc::clone(publishing.connection()));
        let state = &self.state;
        self.reconnects.opened();
        state.enter(connected.clone());
        let report = |notice| match notice {
            Notice::Blocked => {
                tracing::warn!(
                    connection = name,
                    "RabbitMQ blocks publishers: memory or disk alarm"
                );
                state.enter(State::Blocked);
            }
            Notice::Unblocked => {
                tracing::info!(connection = name, "RabbitMQ accepts publishes again");
                state.enter(connected.clone());
            }
        };
        let _keeping_declared = self.keep_declared(&publishing);
        let serving = publishing.serve(&mut self.requests, self.limit, report);
        let ended = stop.run_until_cancelled(serving).await;
        state.enter(State::Disconnected);
        let reason = ended.as_deref().unwrap_or("the program stops");
        if ended.is_some() {
            tracing::warn!(connection = name, %node, reason, "connection to RabbitMQ lost");
            self.limit.learn(reason);
            self.connector.avoid(&node);
        }
        while let Ok(request) = self.requests.try_recv() {
            let _ = request
                .reply
                .send(Err(PublishError::Lost(reason.to_owned())));
        }
        publishing.end(reason).await;
        ended.map(drop)
    }

    /// Starts a task that declares what is missing, until the result is dropped. A task of its own, so that the task
    /// that publishes does not wake up for it.
    fn keep_declared(&self, publishing: &PublishingConnection) -> AbortOnDropHandle<()> {
        let connector = Arc::clone(&self.connector);
        let (connection, node) = (
            Arc::clone(publishing.connection()),
            publishing.node().clone(),
        );
        let keeping = async move { connector.keep_declared(&connection, &node).await };
        AbortOnDropHandle::new(tokio::spawn(vital("topology check", keeping)))
    }
}

impl StateSender {
    /// Publishes a state, and reports it if publishing became possible or impossible.
    fn enter(&self, state: State) {
        let possible = matches!(state, State::Connected(_));
        let is_blocked = matches!(state, State::Blocked);
        self.gauges.set(possible || is_blocked, is_blocked);
        let before = self.sender.send_replace(state);
        if matches!(before, State::Connected(_)) != possible {
            (self.changed)(possible);
        }
    }
}
