use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lapin::Connection;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::addresses::Address;
use super::binding_check::BindingCheck;
use super::connection::{self, ConnectError, connect_to_any};
use super::declare::{DeclareError, Declared, all_exist, declare};
use super::topology::Topology;
use super::unrouted::restore_unrouted;
use crate::settings::BrokerSettings;

/// Time limit for each step that follows the opening of a connection.
pub(super) const SETUP_TIMEOUT: Duration = Duration::from_secs(5);

/// How often [`Connector::keep_declared`] checks that everything exists.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// Why a connection cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No node accepts the connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The broker refuses an exchange or a queue.
    #[error(transparent)]
    Declare(#[from] DeclareError),
    /// The node accepts connections and does not answer the declarations.
    #[error("RabbitMQ at {0} did not declare everything within {secs} s", secs = SETUP_TIMEOUT.as_secs())]
    TimedOut(Address),
}

/// Opens connections for one purpose, and makes sure that the topology exists.
pub struct Connector {
    settings: BrokerSettings,
    name: &'static str,
    topology: Topology,
    /// Whether this connector has declared and bound everything once.
    declared: AtomicBool,
    /// Set when the broker has returned a message that no queue gets.
    returned: Arc<AtomicBool>,
}

/// A connection to a broker on which the topology exists.
pub(super) struct Opened {
    pub(super) connection: Connection,
    pub(super) node: Address,
    /// The objects that are used as they are.
    pub(super) declared: Declared,
}

impl Connector {
    /// `name` is what the management UI shows, for example `tidings-api: publishing`.
    #[must_use]
    pub fn new(settings: BrokerSettings, name: &'static str) -> Self {
        Self {
            topology: Topology::of(&settings),
            settings,
            name,
            declared: AtomicBool::new(false),
            returned: Arc::default(),
        }
    }

    /// The name of the connections.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Must be set when the broker returns a message that no queue gets: a binding may be missing.
    pub(super) fn returned(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.returned)
    }

    /// Opens a connection to the first node that answers, and declares what is missing.
    ///
    /// # Errors
    ///
    /// Fails if no node answers, or if the node that answers cannot declare everything. The next attempt
    /// starts with another node.
    pub(super) async fn open(&self) -> Result<Opened, OpenError> {
        let (connection, node) = connect_to_any(&self.settings.addresses, self.name).await?;
        match self.declare(&connection, node).await {
            Ok(declared) => Ok(Opened {
                connection,
                node: node.clone(),
                declared,
            }),
            Err(error) => {
                connection::disconnect(&connection).await;
                self.avoid(node);
                Err(error)
            }
        }
    }

    /// Records that a connection to this node has ended or must end. The next connection goes to another
    /// node if there is one.
    pub(super) fn avoid(&self, node: &Address) {
        self.settings.addresses.avoid(node);
    }

    /// Declares the topology, or what is missing if this connector declared it before.
    ///
    /// If one node of a cluster is frozen or unreachable, the other nodes bind nothing until they give it
    /// up, which takes a minute. Bindings are therefore declared once, and not waited for if every
    /// exchange and queue exists.
    async fn declare(
        &self,
        connection: &Connection,
        node: &Address,
    ) -> Result<Declared, OpenError> {
        let declared_before = self.declared.load(Ordering::Relaxed);
        if declared_before && self.all_exist(connection, node).await? {
            return Ok(Declared::default());
        }
        match timeout(SETUP_TIMEOUT, declare(connection, &self.topology)).await {
            Ok(declared) => {
                let declared = declared?;
                self.declared.store(true, Ordering::Relaxed);
                if declared_before {
                    tracing::warn!(
                        connection = self.name,
                        "an exchange or a queue was missing and is declared again"
                    );
                    tokio::spawn(restore_unrouted(self.settings.clone()));
                }
                Ok(declared)
            }
            Err(_) if self.all_exist(connection, node).await? => {
                tracing::warn!(
                    connection = self.name,
                    %node,
                    "RabbitMQ does not confirm the bindings in time; the existing queues are used as they are"
                );
                Ok(Declared::default())
            }
            Err(_) => Err(OpenError::TimedOut(node.clone())),
        }
    }

    async fn all_exist(&self, connection: &Connection, node: &Address) -> Result<bool, OpenError> {
        let asked = timeout(SETUP_TIMEOUT, all_exist(connection, &self.topology)).await;
        asked.map_err(|_| OpenError::TimedOut(node.clone()))
    }

    /// Checks every [`CHECK_INTERVAL`] that every exchange and queue exists, and declares what is missing. A deleted
    /// queue ends no connection, so nothing else notices it. Restores missing bindings ([`BindingCheck`]). Returns when
    /// the connection has ended.
    pub(super) async fn keep_declared(&self, connection: &Connection, node: &Address) {
        let mut tick = interval(CHECK_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reported = false;
        let mut bindings = BindingCheck::new(&self.settings, &self.topology, self.returned());
        while connection.status().connected() {
            tick.tick().await;
            match self.declare(connection, node).await {
                Ok(_) => reported = false,
                // A node that does not answer is noticed by the publishes.
                Err(OpenError::TimedOut(_)) => {}
                Err(error) if !reported && connection.status().connected() => {
                    reported = true;
                    tracing::error!(
                        connection = self.name,
                        %error,
                        "an exchange or a queue is missing and cannot be declared"
                    );
                }
                Err(_) => {}
            }
            bindings.run(connection).await;
        }
    }
}
