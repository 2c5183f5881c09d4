use std::sync::Arc;
use std::time::Duration;

use tidings_common::broker::wire::Connection;
use tidings_common::broker::{Opened, open};
use tidings_common::settings::BrokerSettings;
use tokio::sync::Mutex;

/// How long a connection may take to be closed.
const PATIENCE: Duration = Duration::from_secs(10);

/// The connection that all consumers of this process have their channels on. One that dies is replaced
/// by the next who asks.
pub struct Connections {
    broker: BrokerSettings,
    current: Mutex<Option<Arc<Connection>>>,
}

impl Connections {
    /// To this broker. Connects to nobody yet.
    #[must_use]
    pub fn new(broker: BrokerSettings) -> Self {
        Self {
            broker,
            current: Mutex::new(None),
        }
    }

    /// A connection that lives, with everything declared.
    ///
    /// # Errors
    ///
    /// Where the broker is away or refuses.
    pub(super) async fn get(&self) -> anyhow::Result<Arc<Connection>> {
        let mut current = self.current.lock().await;
        if let Some(connection) = &*current
            && connection.is_open()
        {
            return Ok(Arc::clone(connection));
        }
        // Drift is warned about once, by the publisher's connection.
        let Opened { connection, .. } = open(&self.broker, "tidings-worker: consuming").await?;
        let connection = Arc::new(connection);
        *current = Some(Arc::clone(&connection));
        Ok(connection)
    }

    /// Ends a connection that does not do what it should; whoever else has a channel on it gets
    /// another.
    pub(super) async fn discard(&self, connection: &Arc<Connection>) {
        let mut current = self.current.lock().await;
        if current
            .as_ref()
            .is_some_and(|ours| Arc::ptr_eq(ours, connection))
        {
            *current = None;
        }
        drop(current);
        close(connection).await;
    }

    /// Ends the connection, once nobody consumes any more.
    pub async fn close(&self) {
        if let Some(connection) = self.current.lock().await.take() {
            close(&connection).await;
        }
    }
}

async fn close(connection: &Connection) {
    let _ = tokio::time::timeout(PATIENCE, connection.close()).await;
}
