use super::frame::{self, BODY, HEADER, METHOD, OVERHEAD};
use super::method::{BASIC, PUBLISH};
use super::{properties, writer};
use crate::message::Outgoing;

/// A message's properties must fit into one frame, and these do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

/// Writes a `basic.publish` with its header and its body, in frames of at most `frame_max` bytes. Writes
/// nothing where that cannot be done.
///
/// Not `mandatory`: what finds no queue takes the alternate exchange.
pub(super) fn write(
    out: &mut Vec<u8>,
    channel: u16,
    frame_max: usize,
    message: &Outgoing,
) -> Result<(), TooLarge> {
    let start = out.len();
    out.reserve(message.body.len() + 512);
    frame::write(out, METHOD, channel, |out| {
        out.extend_from_slice(&BASIC.to_be_bytes());
        out.extend_from_slice(&PUBLISH.to_be_bytes());
        out.extend_from_slice(&[0, 0]);
        writer::short(out, message.exchange.as_str());
        writer::short(out, message.routing_key.as_str());
        out.push(0);
    });
    let header = out.len();
    frame::write(out, HEADER, channel, |out| {
        out.extend_from_slice(&BASIC.to_be_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&(message.body.len() as u64).to_be_bytes());
        properties::write(out, &message.properties);
    });
    if out.len() - header > frame_max {
        out.truncate(start);
        return Err(TooLarge);
    }
    for part in message.body.chunks(frame_max - OVERHEAD) {
        frame::write(out, BODY, channel, |out| out.extend_from_slice(part));
    }
    Ok(())
}
