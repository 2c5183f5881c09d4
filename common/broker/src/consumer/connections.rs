use std::sync::Arc;

use lapin::Connection;
use tokio::sync::Mutex;

use crate::addresses::Address;
use crate::connection::disconnect;
use crate::connection_metrics::Reconnects;
use crate::connector::{Connector, OpenError, Opened};
use crate::settings::BrokerSettings;

/// The connection that all consumers of this process have their channels on. A connection that ends is
/// replaced by the next consumer that asks.
pub struct ConsumerConnections {
    broker: BrokerSettings,
    connector: Connector,
    current: Mutex<Option<Arc<ConsumerConnection>>>,
    reconnects: Reconnects,
}

/// A connection for consumers, on which the topology exists.
pub struct ConsumerConnection {
    pub(crate) connection: Connection,
    node: Address,
}

impl ConsumerConnections {
    /// Does not connect yet. `name` is what the management UI shows.
    #[must_use]
    pub fn new(broker: BrokerSettings, name: &'static str) -> Self {
        Self {
            connector: Connector::new(broker.clone(), name),
            broker,
            current: Mutex::new(None),
            reconnects: Reconnects::new("consuming"),
        }
    }

    /// The same for a consumer that must not share its connection with others.
    #[must_use]
    pub fn separate(&self) -> Self {
        Self::new(self.broker.clone(), self.connector.name())
    }

    /// Returns the open connection, or opens another one.
    ///
    /// # Errors
    ///
    /// Fails if no node can be used.
    pub async fn get(&self) -> Result<Arc<ConsumerConnection>, OpenError> {
        let mut current = self.current.lock().await;
        if let Some(connection) = &*current {
            if connection.is_open() {
                return Ok(Arc::clone(connection));
            }
            self.connector.avoid(&connection.node);
        }
        *current = None;
        // The publisher's connection warns about objects with other arguments.
        let Opened {
            connection, node, ..
        } = self.connector.open().await?;
        self.reconnects.opened();
        let connection = Arc::new(ConsumerConnection { connection, node });
        *current = Some(Arc::clone(&connection));
        Ok(connection)
    }

    /// Closes a connection that does not work. Its other consumers get another one.
    pub async fn discard(&self, connection: &Arc<ConsumerConnection>) {
        let mut current = self.current.lock().await;
        if current
            .take_if(|current| Arc::ptr_eq(current, connection))
            .is_some()
        {
            self.connector.avoid(&connection.node);
        }
        drop(current);
        disconnect(&connection.connection).await;
    }

    /// Closes the connection after the last consumer has ended.
    pub async fn close(&self) {
        if let Some(current) = self.current.lock().await.take() {
            disconnect(&current.connection).await;
        }
    }
}

impl ConsumerConnection {
    fn is_open(&self) -> bool {
        self.connection.status().connected()
    }
}
