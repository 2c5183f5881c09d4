use std::time::Duration;

use futures_util::{AsyncReadExt, AsyncWriteExt};
use lapin::tcp::AMQPUriTcpExt;
use lapin::types::{FieldTable, parsing};

use super::addresses::Address;
use super::header::as_text;

/// Time limit for the first frame of the broker, `connection.start`.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum size of `connection.start` in bytes. RabbitMQ's has about 500.
const MAX_SIZE: usize = 64 * 1024;

/// Why the broker's version is not known.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// `connection.start` did not arrive in time.
    #[error("no answer within {} s", TIMEOUT.as_secs())]
    TimedOut,
    /// The connection was refused or has ended.
    #[error("cannot read the broker's first frame: {0}")]
    Io(#[from] std::io::Error),
    /// lapin's runtime is missing.
    #[error(transparent)]
    Runtime(#[from] lapin::Error),
    /// The server does not speak AMQP 0-9-1 as RabbitMQ does.
    #[error("the server is not RabbitMQ: {0}")]
    NotRabbit(&'static str),
}

/// Returns the version that a node names in `connection.start`, for example `3.10.8`.
///
/// Opens a connection of its own, because lapin does not expose `connection.start`. Closes it before credentials
/// are sent, which the broker logs.
///
/// # Errors
///
/// Returns a [`ProbeError`] if the node does not answer in time or is not RabbitMQ.
pub async fn server_version(node: &Address) -> Result<String, ProbeError> {
    let start = tokio::time::timeout(TIMEOUT, read_start(node))
        .await
        .map_err(|_| ProbeError::TimedOut)??;
    let properties = server_properties(&start)?;
    properties
        .inner()
        .get("version")
        .and_then(as_text)
        .map(str::to_owned)
        .ok_or(ProbeError::NotRabbit("it names no version"))
}

/// Reads the payload of the first frame: AMQP 0-9-1 §2.2.4 (the handshake) and §2.3.5 (the frame).
async fn read_start(node: &Address) -> Result<Vec<u8>, ProbeError> {
    let mut stream = node
        .uri()
        .connect_async(&lapin::runtime::default_runtime()?)
        .await?;
    stream.write_all(b"AMQP\x00\x00\x09\x01").await?;
    stream.flush().await?;
    // Type (1 byte), channel (2), size (4).
    let mut head = [0; 7];
    stream.read_exact(&mut head).await?;
    let [1, 0, 0, size @ ..] = head else {
        return Err(ProbeError::NotRabbit("it does not speak AMQP 0-9-1"));
    };
    let size = usize::try_from(u32::from_be_bytes(size)).unwrap_or(usize::MAX);
    if size > MAX_SIZE {
        return Err(ProbeError::NotRabbit("its first frame is too long"));
    }
    let mut payload = vec![0; size];
    stream.read_exact(&mut payload).await?;
    Ok(payload)
}

/// Parses the server properties of `connection.start`: class 10, method 10, two bytes of version, the table.
fn server_properties(start: &[u8]) -> Result<FieldTable, ProbeError> {
    let [0, 10, 0, 10, _, _, rest @ ..] = start else {
        return Err(ProbeError::NotRabbit("it starts with another method"));
    };
    match parsing::parse_field_table(rest) {
        Ok((_, properties)) => Ok(properties),
        Err(_) => Err(ProbeError::NotRabbit("its first frame cannot be parsed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_properties_are_read() {
        let mut start = vec![0, 10, 0, 10, 0, 9];
        // One entry: a short string, and a long string (`S`).
        start.extend([0, 0, 0, 19]);
        start.extend(b"\x07version");
        start.extend(b"S\x00\x00\x00\x06");
        start.extend(b"3.10.8");
        let properties = server_properties(&start).expect("connection.start");
        let version = properties.inner().get("version").and_then(as_text);
        assert_eq!(version, Some("3.10.8"));
    }

    #[test]
    fn other_bytes_are_refused() {
        for bytes in [&b""[..], b"HTTP/1.1 400", b"\x00\x0a\x00\x0a\x00\x09\xff"] {
            assert!(server_properties(bytes).is_err());
        }
    }
}
