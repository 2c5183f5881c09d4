use std::sync::Arc;

use tokio::sync::watch;

use super::backoff::Backoff;
use super::connector::Connector;
use super::session::{Notice, Session};
use crate::settings::BrokerSettings;

/// What the publisher has to publish on.
#[derive(Clone)]
pub(super) enum State {
    Disconnected,
    Blocked(Arc<Session>),
    Connected(Arc<Session>),
    /// There is no broker, and everything is said to be safe; see [`Publisher::immediate`].
    Immediate,
}

/// Keeps the publisher's connection up.
pub(super) struct Supervisor<F> {
    settings: BrokerSettings,
    connector: Connector,
    sender: watch::Sender<State>,
    changed: F,
}

impl<F: Fn(bool)> Supervisor<F> {
    pub(super) fn new(
        settings: BrokerSettings,
        name: &'static str,
        sender: watch::Sender<State>,
        changed: F,
    ) -> Self {
        Self {
            connector: Connector::new(settings.clone(), name),
            settings,
            sender,
            changed,
        }
    }

    /// Opens one session after the other, for ever.
    pub(super) async fn run(&self) {
        let mut backoff = Backoff::new();
        loop {
            match Session::open(&self.connector, &self.settings).await {
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

    /// The session that there is.
    pub(super) fn session(&self) -> Option<Arc<Session>> {
        match &*self.sender.borrow() {
            State::Connected(session) | State::Blocked(session) => Some(Arc::clone(session)),
            State::Disconnected | State::Immediate => None,
        }
    }
}
