use std::time::Duration;

use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties};

use super::addresses::{Address, Addresses};
use crate::settings::BrokerSettings;

/// Connect timeout if there is only one address.
const ONLY_NODE_TIMEOUT: Duration = Duration::from_secs(5);

/// Connect timeout for one address of several: another node may answer at once.
const NODE_TIMEOUT: Duration = Duration::from_secs(2);

/// Heartbeat interval in seconds if the URL names none. A broker that vanished without closing the
/// connection is noticed after about twice this time.
const HEARTBEAT_SECS: u16 = 5;

/// Largest frame in bytes, RabbitMQ's own default. lapin buffers 32 frames in each direction and parses
/// nested tables recursively, so this bounds both the memory of a connection and the stack of its thread.
pub(super) const FRAME_MAX: u32 = 131_072;

/// Time limit for closing a connection. A connection that is not closed in time is dropped.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Why a node cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The connection was not open in time.
    #[error("RabbitMQ at {0} did not answer within {secs} s", secs = .1.as_secs())]
    TimedOut(Address, Duration),
    /// The node is down, unreachable, or refuses the connection.
    #[error("RabbitMQ at {0} cannot be reached: {1}")]
    Refused(Address, lapin::Error),
}

/// No node can be used. Holds the error of each address.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct ConnectError(pub Vec<NodeError>);

/// Opens a connection to the first node that can be used. `name` is what the management UI shows, for
/// example `tidings bench`.
///
/// The connection does not recover automatically: lapin's recovery hangs silently after its last
/// attempt. Every user of a connection watches it and opens another.
///
/// # Errors
///
/// Returns the error of each address if no node can be used.
pub async fn connect(settings: &BrokerSettings, name: &str) -> Result<Connection, ConnectError> {
    let (connection, _) = connect_to_any(&settings.addresses, name).await?;
    Ok(connection)
}

/// Tries each address once, without a pause.
pub(super) async fn connect_to_any<'a>(
    addresses: &'a Addresses,
    name: &str,
) -> Result<(Connection, &'a Address), ConnectError> {
    let mut errors = Vec::new();
    for address in addresses.in_turn() {
        match connect_to(address, name, connect_timeout(addresses)).await {
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

/// Closes a connection, or drops it if the broker does not answer in time. The client library waits without end if the
/// connection has ended meanwhile.
pub async fn disconnect(connection: &Connection) {
    let closing = connection.close(200, "done".into());
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, closing).await;
}

fn connect_timeout(addresses: &Addresses) -> Duration {
    match addresses.all() {
        [_] => ONLY_NODE_TIMEOUT,
        _ => NODE_TIMEOUT,
    }
}

fn uri(address: &Address) -> AMQPUri {
    let mut uri = address.uri().clone();
    uri.query.heartbeat.get_or_insert(HEARTBEAT_SECS);
    let frame_max = uri.query.frame_max.unwrap_or(FRAME_MAX);
    uri.query.frame_max = Some(frame_max.min(FRAME_MAX));
    uri
}
