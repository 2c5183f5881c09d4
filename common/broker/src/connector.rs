use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lapin::Connection;
use tokio::time::timeout;

use super::addresses::Address;
use super::connection::{
    ConnectError, NodeError, connect_to_any, connect_wire, connect_wire_to_any,
};
use super::declare::{DeclareError, all_there, declare};
use super::topology::Topology;
use super::wire;
use crate::BrokerSettings;

/// How long the broker may take to answer what follows a connection's opening.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How long the broker may take to see a connection off.
const CLOSING: Duration = Duration::from_secs(1);

/// Why a connection is of no use.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is none.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// What is needed cannot be declared.
    #[error(transparent)]
    Declare(#[from] DeclareError),
    /// The node lets us in and then answers nothing.
    #[error("RabbitMQ at {0} did not declare everything within {secs} s", secs = PATIENCE.as_secs())]
    TimedOut(Address),
    /// The node let us declare, and lets us in no more.
    #[error(transparent)]
    Node(#[from] NodeError),
}

/// Opens one connection after the other for the same use of the pipeline, each with the topology there.
pub struct Connector {
    settings: BrokerSettings,
    name: &'static str,
    topology: Topology,
    /// Whether this process has seen to it that everything is there and bound.
    declared: AtomicBool,
}

/// A connection with the topology there.
pub struct Opened {
    /// The connection.
    pub connection: wire::Connection,
    /// The node that it leads to.
    pub node: Address,
    /// What was found to exist with other arguments, and is used as it is.
    pub drifted: Vec<String>,
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
        }
    }

    /// What the connections are called.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Opens a connection to the first node that answers, and declares what is not there, over another
    /// connection that is closed again.
    ///
    /// # Errors
    ///
    /// Where no node answers, or the one that does is of no use; the next try begins with another.
    pub async fn open(&self) -> Result<Opened, OpenError> {
        let addresses = &self.settings.addresses;
        let name = format!("{} (declaring)", self.name);
        let (declaring, node) = connect_to_any(addresses, &name).await?;
        let opening = async {
            let drifted = self.declare(&declaring, node).await?;
            Ok(Opened {
                connection: connect_wire(addresses, node, self.name).await?,
                node: node.clone(),
                drifted,
            })
        };
        let opened = opening.await;
        // Whatever it says, it is of no use any more.
        let _ = timeout(CLOSING, declaring.close(200, "done".into())).await;
        opened.inspect_err(|_| self.leave(node))
    }

    /// Opens a connection to the first node that answers, for a process that has another one, with which
    /// it has seen to it that everything is there.
    ///
    /// # Errors
    ///
    /// Where no node answers.
    pub(super) async fn open_another(&self) -> Result<Opened, OpenError> {
        let addresses = &self.settings.addresses;
        let (connection, node) = connect_wire_to_any(addresses, self.name).await?;
        Ok(Opened {
            connection,
            node: node.clone(),
            drifted: Vec::new(),
        })
    }

    /// Notes that a connection to this node has ended, or should: the next one goes to another, where
    /// there is one.
    pub fn leave(&self, node: &Address) {
        self.settings.addresses.leave(node);
    }

    /// While one node of a cluster stands still or cannot be reached, the others bind nothing, for as
    /// long as it takes them to give it up: a minute. So bindings are declared once by each process,
    /// and not waited for where everything that they bind is there.
    async fn declare(
        &self,
        connection: &Connection,
        node: &Address,
    ) -> Result<Vec<String>, OpenError> {
        let all_there = async || {
            let asked = timeout(PATIENCE, all_there(connection, &self.topology)).await;
            asked.map_err(|_| OpenError::TimedOut(node.clone()))
        };
        if self.declared.load(Ordering::Relaxed) && all_there().await? {
            return Ok(Vec::new());
        }
        match timeout(PATIENCE, declare(connection, &self.topology)).await {
            Ok(declared) => {
                let drifted = declared?;
                self.declared.store(true, Ordering::Relaxed);
                Ok(drifted)
            }
            Err(_) if all_there().await? => {
                tracing::warn!(
                    connection = self.name,
                    %node,
                    "RabbitMQ does not say whether all queues are bound; they are used as they are"
                );
                Ok(Vec::new())
            }
            Err(_) => Err(OpenError::TimedOut(node.clone())),
        }
    }
}
