use std::time::Duration;

use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties};
use secrecy::ExposeSecret;

use super::wire;
use crate::settings::BrokerSettings;

/// How long one attempt to connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Heartbeat where the URL names none, in seconds: a broker that vanished without closing the
/// connection is noticed after about twice that.
const HEARTBEAT_SECS: u16 = 5;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The settings were checked when they were read, so this is a bug.
    #[error("RABBITMQ_URL is no AMQP URI: {0}")]
    Url(String),
    /// Nothing answered in time.
    #[error("RabbitMQ did not answer within {} s", CONNECT_TIMEOUT.as_secs())]
    TimedOut,
    /// The broker is not there or refuses us.
    #[error("RabbitMQ cannot be reached: {0}")]
    Refused(#[from] lapin::Error),
    /// The same, of a connection for the pipeline.
    #[error("RabbitMQ cannot be reached: {0}")]
    Unreachable(#[from] wire::Error),
}

/// Opens a connection for whatever is not the pipeline. `name` is what the management UI shows, for
/// example `tidings: doctor`.
///
/// There is no automatic recovery: lapin's ends in a silent hang after its last try, so every
/// user of a connection watches it and opens another.
///
/// # Errors
///
/// Where the broker cannot be reached.
pub async fn connect(settings: &BrokerSettings, name: &str) -> Result<Connection, ConnectError> {
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    in_time(Connection::connect_uri(uri(settings)?, properties)).await
}

/// Opens a connection for the pipeline, under the same rules.
pub(super) async fn connect_wire(
    settings: &BrokerSettings,
    name: &str,
) -> Result<wire::Connection, ConnectError> {
    in_time(wire::Connection::open(&uri(settings)?, name)).await
}

fn uri(settings: &BrokerSettings) -> Result<AMQPUri, ConnectError> {
    let mut uri: AMQPUri = settings
        .url
        .expose_secret()
        .parse()
        .map_err(ConnectError::Url)?;
    uri.query.heartbeat.get_or_insert(HEARTBEAT_SECS);
    Ok(uri)
}

async fn in_time<T, E>(connecting: impl Future<Output = Result<T, E>>) -> Result<T, ConnectError>
where
    ConnectError: From<E>,
{
    match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
        Ok(connected) => Ok(connected?),
        Err(_) => Err(ConnectError::TimedOut),
    }
}

/// Growing pauses between tries to reach a server, capped so that a server's return is noticed
/// within seconds.
#[derive(Debug)]
pub struct Backoff {
    next: Duration,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(100);
    const CAP: Duration = Duration::from_secs(3);

    /// Starts at the shortest pause.
    #[must_use]
    pub const fn new() -> Self {
        Self { next: Self::FIRST }
    }

    /// The length of the next pause.
    pub fn next_pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(Self::CAP);
        pause
    }

    /// Pauses, longer than the last time.
    pub async fn pause(&mut self) {
        tokio::time::sleep(self.next_pause()).await;
    }

    /// Starts again at the shortest pause: the server was there.
    pub const fn reset(&mut self) {
        self.next = Self::FIRST;
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_cap_and_start_again_after_a_success() {
        let mut backoff = Backoff::new();
        let pauses: Vec<_> = (0..7).map(|_| backoff.next_pause().as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3000, 3000]);
        backoff.reset();
        assert_eq!(backoff.next_pause(), Backoff::FIRST);
    }
}
