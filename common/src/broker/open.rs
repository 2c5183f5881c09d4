use super::connection::{ConnectError, connect, connect_wire};
use super::declare::{DeclareError, declare};
use super::topology::Topology;
use super::wire;
use crate::settings::BrokerSettings;

/// Why there is no connection for the pipeline.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The broker cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The topology is not there.
    #[error(transparent)]
    Declare(#[from] DeclareError),
    /// The broker let us in, and then did not let us open a channel.
    #[error("cannot open a channel: {0}")]
    Channel(wire::Error),
}

/// A connection for the pipeline, to a broker where everything is declared.
#[derive(Debug)]
pub struct Opened {
    /// The connection.
    pub connection: wire::Connection,
    /// The objects that exist with other arguments; they are used as they are.
    pub drifted: Vec<String>,
}

/// Declares the topology, over a connection that is closed again, and opens one for the pipeline. `name`
/// is what the management UI shows, for example `tidings-api: publishing`.
///
/// # Errors
///
/// Where the broker cannot be reached or refuses.
pub async fn open(settings: &BrokerSettings, name: &str) -> Result<Opened, OpenError> {
    let declaring = connect(settings, &format!("{name} (declaring)")).await?;
    let drifted = declare(&declaring, &Topology::of(settings)).await?;
    if let Err(error) = declaring.close(200, "done".into()).await {
        tracing::debug!(%error, "closing a connection failed");
    }
    let connection = connect_wire(settings, name).await?;
    Ok(Opened {
        connection,
        drifted,
    })
}
