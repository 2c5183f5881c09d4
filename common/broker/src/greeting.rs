use std::time::Duration;

use futures_util::{AsyncReadExt, AsyncWriteExt};
use lapin::tcp::AMQPUriTcpExt;
use lapin::types::{FieldTable, parsing};

use super::addresses::Address;
use super::header::as_text;

/// How long the broker may take to greet.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The longest greeting that is read, in bytes; RabbitMQ's has about 500.
const MAX_GREETING: usize = 64 * 1024;

/// Why the broker's version is not known.
#[derive(Debug, thiserror::Error)]
pub enum GreetingError {
    /// No greeting in time.
    #[error("no greeting within {} s", TIMEOUT.as_secs())]
    TimedOut,
    /// Nobody there, or the connection died.
    #[error("cannot read the broker's greeting: {0}")]
    Io(#[from] std::io::Error),
    /// lapin's runtime is missing.
    #[error(transparent)]
    Runtime(#[from] lapin::Error),
    /// Whoever listens there does not speak AMQP 0-9-1 as RabbitMQ does.
    #[error("what answers there is not RabbitMQ: {0}")]
    NotRabbit(&'static str),
}

/// The version that a node names in its greeting, for example `3.10.8`.
///
/// A connection of its own, because lapin does not hand the greeting on. It ends after the
/// greeting, before any credentials are sent, which the broker notes in its log.
///
/// # Errors
///
/// Where nobody greets, or not as RabbitMQ does.
pub async fn server_version(node: &Address) -> Result<String, GreetingError> {
    let greeting = tokio::time::timeout(TIMEOUT, read_greeting(node))
        .await
        .map_err(|_| GreetingError::TimedOut)??;
    let properties = server_properties(&greeting)?;
    properties
        .inner()
        .get("version")
        .and_then(as_text)
        .map(str::to_owned)
        .ok_or(GreetingError::NotRabbit("its greeting names no version"))
}

/// The payload of the first frame: AMQP 0-9-1 §2.2.4 (the handshake) and §2.3.5 (the frame).
async fn read_greeting(node: &Address) -> Result<Vec<u8>, GreetingError> {
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
        return Err(GreetingError::NotRabbit("it does not speak AMQP 0-9-1"));
    };
    let size = usize::try_from(u32::from_be_bytes(size)).unwrap_or(usize::MAX);
    if size > MAX_GREETING {
        return Err(GreetingError::NotRabbit("its greeting is too long"));
    }
    let mut payload = vec![0; size];
    stream.read_exact(&mut payload).await?;
    Ok(payload)
}

/// The table in `connection.start`: class 10, method 10, two bytes of version before it.
fn server_properties(greeting: &[u8]) -> Result<FieldTable, GreetingError> {
    let [0, 10, 0, 10, _, _, rest @ ..] = greeting else {
        return Err(GreetingError::NotRabbit("it starts with another method"));
    };
    match parsing::parse_field_table(rest) {
        Ok((_, properties)) => Ok(properties),
        Err(_) => Err(GreetingError::NotRabbit("its greeting cannot be read")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_properties_are_read_out_of_a_greeting() {
        let mut greeting = vec![0, 10, 0, 10, 0, 9];
        // One entry: a short string, and a long string (`S`).
        greeting.extend([0, 0, 0, 19]);
        greeting.extend(b"\x07version");
        greeting.extend(b"S\x00\x00\x00\x06");
        greeting.extend(b"3.10.8");
        let properties = server_properties(&greeting).expect("a greeting");
        let version = properties.inner().get("version").and_then(as_text);
        assert_eq!(version, Some("3.10.8"));
    }

    #[test]
    fn what_is_no_greeting_is_refused() {
        for bytes in [&b""[..], b"HTTP/1.1 400", b"\x00\x0a\x00\x0a\x00\x09\xff"] {
            assert!(server_properties(bytes).is_err());
        }
    }
}
