use std::time::Duration;

use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties};

use super::addresses::{Address, Addresses};
use super::wire;
use crate::BrokerSettings;

/// How long a broker that has one address may take to let us in.
const ONLY_NODE_TIMEOUT: Duration = Duration::from_secs(5);

/// The same for one node of several: another may answer at once.
const NODE_TIMEOUT: Duration = Duration::from_secs(2);

/// Heartbeat where the URL names none, in seconds: a broker that vanished without closing the
/// connection is noticed after about twice that.
const HEARTBEAT_SECS: u16 = 5;

/// Why a node cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// Nothing answered in time.
    #[error("RabbitMQ at {0} did not answer within {secs} s", secs = .1.as_secs())]
    TimedOut(Address, Duration),
    /// It is not there or refuses us.
    #[error("RabbitMQ at {0} cannot be reached: {1}")]
    Refused(Address, lapin::Error),
    /// The same, of a connection for the pipeline.
    #[error("RabbitMQ at {0} cannot be reached: {1}")]
    Unreachable(Address, wire::Error),
}

/// Why there is no connection: what came of each address.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct ConnectError(pub Vec<NodeError>);

/// Opens a connection to the first node that can be used, for whatever is not the pipeline. `name` is what
/// the management UI shows, for example `tidings bench`.
///
/// There is no automatic recovery: lapin's ends in a silent hang after its last try, so every
/// user of a connection watches it and opens another.
///
/// # Errors
///
/// Where no node can be used.
pub async fn connect(settings: &BrokerSettings, name: &str) -> Result<Connection, ConnectError> {
    let (connection, _) = connect_to_any(&settings.addresses, name).await?;
    Ok(connection)
}

/// Goes round the addresses once, without a pause.
pub(super) async fn connect_to_any<'a>(
    addresses: &'a Addresses,
    name: &str,
) -> Result<(Connection, &'a Address), ConnectError> {
    let connect = |address| connect_to(address, name, patience(addresses));
    first_of(addresses, name, connect).await
}

/// The same with a connection for the pipeline.
pub(super) async fn connect_wire_to_any<'a>(
    addresses: &'a Addresses,
    name: &str,
) -> Result<(wire::Connection, &'a Address), ConnectError> {
    let connect = |address| connect_wire(addresses, address, name);
    first_of(addresses, name, connect).await
}

async fn first_of<'a, C, F: Future<Output = Result<C, NodeError>>>(
    addresses: &'a Addresses,
    name: &str,
    connect: impl Fn(&'a Address) -> F,
) -> Result<(C, &'a Address), ConnectError> {
    let mut errors = Vec::new();
    for address in addresses.in_turn() {
        match connect(address).await {
            Ok(connection) => {
                for error in errors {
                    tracing::warn!(connection = name, %error, "connected to another node");
                }
                addresses.prefer(address);
                return Ok((connection, address));
            }
            Err(error) => errors.push(error),
        }
    }
    Err(ConnectError(errors))
}

/// Opens a connection for the pipeline to one node of `addresses`.
pub(super) async fn connect_wire(
    addresses: &Addresses,
    node: &Address,
    name: &str,
) -> Result<wire::Connection, NodeError> {
    let timeout = patience(addresses);
    let uri = uri(node);
    let connecting = wire::Connection::open(&uri, name);
    match tokio::time::timeout(timeout, connecting).await {
        Ok(connected) => connected.map_err(|error| NodeError::Unreachable(node.clone(), error)),
        Err(_) => Err(NodeError::TimedOut(node.clone(), timeout)),
    }
}

async fn connect_to(
    address: &Address,
    name: &str,
    timeout: Duration,
) -> Result<Connection, NodeError> {
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let connecting = Connection::connect_uri(uri(address), properties);
    match tokio::time::timeout(timeout, connecting).await {
        Ok(connected) => connected.map_err(|error| NodeError::Refused(address.clone(), error)),
        Err(_) => Err(NodeError::TimedOut(address.clone(), timeout)),
    }
}

/// How long a node may take to let us in.
fn patience(addresses: &Addresses) -> Duration {
    match addresses.all() {
        [_] => ONLY_NODE_TIMEOUT,
        _ => NODE_TIMEOUT,
    }
}

fn uri(address: &Address) -> AMQPUri {
    let mut uri = address.uri().clone();
    uri.query.heartbeat.get_or_insert(HEARTBEAT_SECS);
    uri
}
