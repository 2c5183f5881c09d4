use std::sync::Arc;
use std::time::Duration;

use tidings_broker::BrokerSettings;
use tidings_broker::wire::Connection;
use tidings_broker::{Address, Connector, Opened};
use tokio::sync::Mutex;

/// How long a connection may take to be closed, once all that matters has been said on it.
const PATIENCE: Duration = Duration::from_secs(1);

/// The connection that all consumers of this process have their channels on. One that dies is replaced
/// by the next who asks.
pub struct Connections {
    connector: Connector,
    current: Mutex<Option<Current>>,
}

struct Current {
    connection: Arc<Connection>,
    node: Address,
}

impl Connections {
    /// To this broker. Connects to nobody yet.
    #[must_use]
    pub fn new(broker: BrokerSettings) -> Self {
        Self {
            connector: Connector::new(broker, "tidings-worker: consuming"),
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
        match &*current {
            Some(Current { connection, .. }) if connection.is_open() => {
                return Ok(Arc::clone(connection));
            }
            Some(Current { node, .. }) => self.connector.leave(node),
            None => {}
        }
        *current = None;
        // Drift is warned about once, by the publisher's connection.
        let Opened {
            connection, node, ..
        } = self.connector.open().await?;
        let connection = Arc::new(connection);
        *current = Some(Current {
            connection: Arc::clone(&connection),
            node,
        });
        Ok(connection)
    }

    /// Ends a connection that does not do what it should; whoever else has a channel on it gets
    /// another.
    pub(super) async fn discard(&self, connection: &Arc<Connection>) {
        let mut current = self.current.lock().await;
        let is_it = |current: &mut Current| Arc::ptr_eq(&current.connection, connection);
        if let Some(discarded) = current.take_if(is_it) {
            self.connector.leave(&discarded.node);
        }
        drop(current);
        close(connection).await;
    }

    /// Ends the connection, once nobody consumes any more.
    pub async fn close(&self) {
        if let Some(current) = self.current.lock().await.take() {
            close(&current.connection).await;
        }
    }
}

async fn close(connection: &Connection) {
    let _ = tokio::time::timeout(PATIENCE, connection.close()).await;
}
