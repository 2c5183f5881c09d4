use std::time::Duration;

use amq_protocol::auth::{Credentials, SASLMechanism};
use futures_util::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use lapin::protocol::{AMQPClass, connection};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::uri::AMQPUri;

use super::error::Error;
use super::frame::{self, Frame};
use super::method::{self, Method};

/// AMQP 0-9-1 §4.2.2.
const PROTOCOL_HEADER: &[u8; 8] = b"AMQP\x00\x00\x09\x01";

/// The largest frame that is read before another size is agreed on; what RabbitMQ says of itself takes
/// less than a thousand bytes.
const FIRST_FRAME_MAX: usize = 64 * 1024;

/// The largest frame that is asked for where neither the broker nor the URL sets a limit.
const FRAME_MAX: u32 = 128 * 1024;

/// The smallest that may be asked for (AMQP 0-9-1 §4.2.3, `frame-min-size`).
const FRAME_MIN: u32 = 4096;

/// What both sides have agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) channel_max: u16,
    pub(super) frame_max: u32,
    pub(super) heartbeat: Option<Duration>,
}

/// Opens a connection on a stream (AMQP 0-9-1 §2.2.4).
pub(super) async fn shake_hands<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    uri: &AMQPUri,
    name: &str,
) -> Result<Terms, Error> {
    let mechanism = uri.query.auth_mechanism.unwrap_or_default();
    let credentials = Credentials::from(uri.authority.userinfo.clone());
    stream.write_all(PROTOCOL_HEADER).await?;
    stream.flush().await?;
    greeting(stream).await?;
    let start_ok = connection::StartOk {
        client_properties: client_properties(name),
        mechanism: mechanism.name().into(),
        response: credentials.sasl_auth_string(mechanism),
        locale: "en_US".into(),
    };
    send(stream, connection::AMQPMethod::StartOk(start_ok)).await?;
    let tune = loop {
        match receive(stream).await? {
            connection::AMQPMethod::Secure(_) if mechanism == SASLMechanism::RabbitCrDemo => {
                let response = credentials.rabbit_cr_demo_answer();
                let secure_ok = connection::SecureOk { response };
                send(stream, connection::AMQPMethod::SecureOk(secure_ok)).await?;
            }
            connection::AMQPMethod::Tune(tune) => break tune,
            other => return Err(refusal(other)),
        }
    };
    let terms = agree(&tune, uri);
    let tune_ok = connection::TuneOk {
        channel_max: terms.channel_max,
        frame_max: terms.frame_max,
        heartbeat: heartbeat(&tune, uri),
    };
    send(stream, connection::AMQPMethod::TuneOk(tune_ok)).await?;
    let virtual_host = ShortString::try_new(uri.vhost.as_str())
        .map_err(|_| Error::Unusable("the virtual host's name is too long".to_owned()))?;
    let open = connection::Open { virtual_host };
    send(stream, connection::AMQPMethod::Open(open)).await?;
    match receive(stream).await? {
        connection::AMQPMethod::OpenOk(_) => Ok(terms),
        other => Err(refusal(other)),
    }
}

/// Reads `connection.start`. Of what it says, nothing matters: a mechanism that the broker does not
/// know it refuses itself, and in better words.
async fn greeting<S: AsyncRead + Unpin>(stream: &mut S) -> Result<(), Error> {
    match read_frame(stream).await?.as_slice() {
        [0, 10, 0, 10, ..] => Ok(()),
        _ => Err(Error::Protocol("it does not begin with connection.start")),
    }
}

fn client_properties(name: &str) -> FieldTable {
    let mut capabilities = FieldTable::default();
    for capability in [
        "publisher_confirms",
        "basic.nack",
        "consumer_cancel_notify",
        "connection.blocked",
        "authentication_failure_close",
    ] {
        capabilities.insert(capability.into(), AMQPValue::Boolean(true));
    }
    let mut properties = FieldTable::default();
    for (key, value) in [
        ("connection_name", name),
        ("product", "Tidings"),
        ("version", env!("CARGO_PKG_VERSION")),
        ("platform", "rust"),
    ] {
        properties.insert(key.into(), AMQPValue::LongString(value.into()));
    }
    properties.insert("capabilities".into(), AMQPValue::FieldTable(capabilities));
    properties
}

/// The lower limit of both sides; 0 stands for none.
fn agree(tune: &connection::Tune, uri: &AMQPUri) -> Terms {
    let channel_max = lower(tune.channel_max, uri.query.channel_max.unwrap_or(0));
    let frame_max = lower(tune.frame_max, uri.query.frame_max.unwrap_or(0));
    let heartbeat = Duration::from_secs(heartbeat(tune, uri).into());
    Terms {
        channel_max: if channel_max == 0 {
            u16::MAX
        } else {
            channel_max
        },
        frame_max: match frame_max {
            0 => FRAME_MAX,
            agreed => agreed.max(FRAME_MIN),
        },
        heartbeat: (!heartbeat.is_zero()).then_some(heartbeat),
    }
}

fn heartbeat(tune: &connection::Tune, uri: &AMQPUri) -> u16 {
    lower(tune.heartbeat, uri.query.heartbeat.unwrap_or(0))
}

fn lower<T: Ord + Default>(one: T, other: T) -> T {
    if one == T::default() || (other != T::default() && other < one) {
        other
    } else {
        one
    }
}

/// What the broker says instead of going on.
fn refusal(method: connection::AMQPMethod) -> Error {
    match method {
        connection::AMQPMethod::Close(close) => Error::ConnectionClosed {
            code: close.reply_code,
            text: close.reply_text.to_string(),
        },
        _ => Error::Protocol("another step than the next of its greeting"),
    }
}

async fn send<S: AsyncWrite + Unpin>(
    stream: &mut S,
    method: connection::AMQPMethod,
) -> Result<(), Error> {
    let mut out = Vec::new();
    method::write(&mut out, 0, &AMQPClass::Connection(method));
    stream.write_all(&out).await?;
    stream.flush().await?;
    Ok(())
}

async fn receive<S: AsyncRead + Unpin>(stream: &mut S) -> Result<connection::AMQPMethod, Error> {
    loop {
        let payload = read_frame(stream).await?;
        // A heartbeat.
        if payload.is_empty() {
            continue;
        }
        return match method::read(&payload)? {
            Method::Seldom(AMQPClass::Connection(method)) => Ok(method),
            _ => Err(Error::Protocol("a message before the end of its greeting")),
        };
    }
}

/// The payload of the next frame, and not a byte more than that frame.
async fn read_frame<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![0; frame::OVERHEAD];
    stream.read_exact(&mut bytes).await.map_err(hung_up)?;
    if bytes.starts_with(b"AMQP") {
        return Err(Error::Protocol("it speaks another version of AMQP"));
    }
    let size = Frame::size_of(&bytes, FIRST_FRAME_MAX)?;
    let read = bytes.len();
    bytes.resize(size, 0);
    stream
        .read_exact(&mut bytes[read..])
        .await
        .map_err(hung_up)?;
    let frame = Frame::first(&bytes, FIRST_FRAME_MAX)?;
    let frame = frame.ok_or(Error::Protocol("a frame that is none"))?;
    Ok(frame.payload.to_vec())
}

fn hung_up(error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => Error::HungUp,
        _ => error.into(),
    }
}
