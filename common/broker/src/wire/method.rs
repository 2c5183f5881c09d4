//! Methods. The few that make up the traffic are written and read by hand, all others by lapin's
//! protocol library.

use lapin::protocol::{AMQPClass, gen_class, parse_class};

use super::error::Error;
use super::frame::{self, METHOD};
use super::reader::Reader;

/// `basic`, and those of its methods that are handled by hand (AMQP 0-9-1 §1.8).
pub(super) const BASIC: u16 = 60;
pub(super) const PUBLISH: u16 = 40;
const DELIVER: u16 = 60;
const ACK: u16 = 80;
const NACK: u16 = 120;

/// The methods that a broker may send us and that come seldom, by class and number.
const SELDOM: [(u16, u16); 17] = [
    (10, 20), // connection.secure
    (10, 30), // connection.tune
    (10, 41), // connection.open-ok
    (10, 50), // connection.close
    (10, 51), // connection.close-ok
    (10, 60), // connection.blocked
    (10, 61), // connection.unblocked
    (20, 11), // channel.open-ok
    (20, 20), // channel.flow
    (20, 40), // channel.close
    (20, 41), // channel.close-ok
    (50, 11), // queue.declare-ok
    (60, 11), // basic.qos-ok
    (60, 21), // basic.consume-ok
    (60, 30), // basic.cancel
    (60, 31), // basic.cancel-ok
    (85, 11), // confirm.select-ok
];

/// A method that came from the broker.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Method {
    /// `basic.deliver`; header and body follow.
    Deliver {
        delivery_tag: u64,
        routing_key: String,
    },
    /// `basic.ack` or `basic.nack`: the confirm of messages that we published.
    Confirm(Confirm),
    /// Any other.
    Seldom(AMQPClass),
}

/// The confirm of one published message or of all up to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Confirm {
    pub(super) tag: u64,
    pub(super) multiple: bool,
    pub(super) positive: bool,
}

/// Reads the payload of a method frame.
pub(super) fn read(payload: &[u8]) -> Result<Method, Error> {
    let mut reader = Reader::new(payload);
    let (Some(class), Some(method)) = (reader.u16(), reader.u16()) else {
        return Err(Error::Protocol("a method without a number"));
    };
    let read = match (class, method) {
        (BASIC, DELIVER) => deliver(reader),
        (BASIC, ACK) => confirm(reader, true),
        (BASIC, NACK) => confirm(reader, false),
        seldom if SELDOM.contains(&seldom) => match parse_class(payload) {
            Ok((_, class)) => Some(Method::Seldom(class)),
            Err(_) => None,
        },
        _ => return Err(Error::Protocol("a method that was not asked for")),
    };
    read.ok_or(Error::Protocol("a method that cannot be read"))
}

fn deliver(mut reader: Reader<'_>) -> Option<Method> {
    let _consumer_tag = reader.short()?;
    let delivery_tag = reader.u64()?;
    let _redelivered = reader.u8()?;
    let _exchange = reader.short()?;
    let routing_key = std::str::from_utf8(reader.short()?);
    Some(Method::Deliver {
        delivery_tag,
        // A stranger's; ours are text.
        routing_key: routing_key.unwrap_or_default().to_owned(),
    })
}

fn confirm(mut reader: Reader<'_>, positive: bool) -> Option<Method> {
    Some(Method::Confirm(Confirm {
        tag: reader.u64()?,
        multiple: reader.u8()? & 1 == 1,
        positive,
    }))
}

/// Writes a method frame.
pub(super) fn write(out: &mut Vec<u8>, channel: u16, class: &AMQPClass) {
    // Writing to memory does not fail.
    let payload = gen_class(class)(Vec::new().into()).map(|written| written.into_inner().0);
    frame::write(out, METHOD, channel, |out| {
        out.extend_from_slice(&payload.unwrap_or_default());
    });
}

/// Writes a `basic.ack`.
pub(super) fn write_ack(out: &mut Vec<u8>, channel: u16, tag: u64, multiple: bool) {
    write_answer(out, channel, ACK, tag, multiple.into());
}

/// Writes a `basic.nack` of one message, which does not go back to its queue.
pub(super) fn write_nack(out: &mut Vec<u8>, channel: u16, tag: u64) {
    // The bits are `multiple` and `requeue`.
    write_answer(out, channel, NACK, tag, 0);
}

fn write_answer(out: &mut Vec<u8>, channel: u16, method: u16, tag: u64, bits: u8) {
    frame::write(out, METHOD, channel, |out| {
        out.extend_from_slice(&BASIC.to_be_bytes());
        out.extend_from_slice(&method.to_be_bytes());
        out.extend_from_slice(&tag.to_be_bytes());
        out.push(bits);
    });
}
