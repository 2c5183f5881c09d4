use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::pool::{Seat, State};
use super::session::{End, Notice, Session};

/// Keeps one of the publisher's connections up.
pub(super) struct Supervisor(Seat);

impl Supervisor {
    /// Starts connecting, on the runtime of the calling thread. The task ends, and the connection with it,
    /// when `stop` is cancelled.
    pub(super) fn start(seat: Seat, stop: CancellationToken) -> JoinHandle<()> {
        let this = Self(seat);
        tokio::spawn(async move {
            stop.run_until_cancelled(this.run()).await;
            this.close().await;
        })
    }

    /// Opens one session after the other, for ever.
    async fn run(&self) {
        let mut newcomer = true;
        loop {
            let session = self.0.open(newcomer).await;
            newcomer = false;
            self.serve(session).await;
            // One that ends at once is not followed by the next at once.
            Backoff::new().pause().await;
        }
    }

    async fn serve(&self, session: Arc<Session>) {
        let mut warnings = self.0.warnings();
        let connector = &self.0.pool.connector;
        let (connection, number, node) = (connector.name(), self.0.number, session.node());
        tracing::info!(connection, number, %node, "connected to RabbitMQ");
        let report = |notice| match notice {
            Notice::Blocked => {
                tracing::warn!(
                    connection,
                    number,
                    "RabbitMQ blocks publishers: memory or disk alarm"
                );
                self.0.enter(State::Blocked(Arc::clone(&session)));
            }
            Notice::Unblocked => {
                tracing::info!(connection, number, "RabbitMQ takes publishes again");
                self.0.enter(State::Connected(Arc::clone(&session)));
            }
        };
        let End { reason, warning } = session.until_its_end(&mut warnings, report).await;
        self.0.enter(State::Disconnected);
        tracing::warn!(connection, number, %node, reason, "connection to RabbitMQ lost");
        connector.leave(node);
        if let Some(warning) = warning {
            self.0.warn(warning);
        }
        session.close().await;
    }

    /// Ends, and the connection with it.
    async fn close(self) {
        let session = self.0.session();
        drop(self);
        if let Some(session) = session {
            session.close().await;
        }
    }
}
