use std::sync::Arc;

use super::backoff::Backoff;
use super::pool::{Seat, State};
use super::session::{Notice, Session};

/// Keeps one of the publisher's connections up.
pub(super) struct Supervisor(Seat);

impl Supervisor {
    pub(super) const fn new(seat: Seat) -> Self {
        Self(seat)
    }

    /// Opens one session after the other, for ever.
    pub(super) async fn run(&self) {
        let connector = &self.0.pool.connector;
        let mut backoff = Backoff::new();
        loop {
            match self.0.open().await {
                Ok(session) => {
                    backoff.reset();
                    self.serve(session).await;
                }
                Err(error) => {
                    tracing::warn!(
                        connection = connector.name(),
                        error = &error as &dyn std::error::Error,
                        "cannot publish; trying again"
                    );
                }
            }
            backoff.pause().await;
        }
    }

    async fn serve(&self, session: Arc<Session>) {
        let connector = &self.0.pool.connector;
        let (connection, node) = (connector.name(), session.node());
        tracing::info!(connection, %node, "connected to RabbitMQ");
        let reason = session
            .until_its_end(|notice| match notice {
                Notice::Blocked => {
                    tracing::warn!(
                        connection,
                        "RabbitMQ blocks publishers: memory or disk alarm"
                    );
                    self.0.enter(State::Blocked(Arc::clone(&session)));
                }
                Notice::Unblocked => {
                    tracing::info!(connection, "RabbitMQ takes publishes again");
                    self.0.enter(State::Connected(Arc::clone(&session)));
                }
            })
            .await;
        self.0.enter(State::Disconnected);
        tracing::warn!(connection, %node, reason, "connection to RabbitMQ lost");
        connector.leave(node);
        session.close().await;
    }

    /// Ends, and the connection with it.
    pub(super) async fn close(self) {
        let session = self.0.session();
        drop(self);
        if let Some(session) = session {
            session.close().await;
        }
    }
}
