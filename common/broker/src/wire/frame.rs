//! Frames (AMQP 0-9-1 §4.2.3): type, channel, length, payload and an octet that ends it.

use super::error::Error;
use super::writer::with_length;

pub(super) const METHOD: u8 = 1;
pub(super) const HEADER: u8 = 2;
pub(super) const BODY: u8 = 3;
pub(super) const HEARTBEAT: u8 = 8;

const HEAD: usize = 7;
const END: u8 = 0xce;

/// What a frame has beside its payload, in bytes.
pub(super) const OVERHEAD: usize = HEAD + 1;

/// A heartbeat, whole.
pub(super) const A_HEARTBEAT: [u8; OVERHEAD] = [HEARTBEAT, 0, 0, 0, 0, 0, 0, END];

/// A frame in the bytes that it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) kind: u8,
    pub(super) channel: u16,
    pub(super) payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The first frame of `bytes`, of at most `max` bytes; `None` where it is not all there yet.
    pub(super) fn first(bytes: &'a [u8], max: usize) -> Result<Option<Self>, Error> {
        if bytes.len() < HEAD {
            return Ok(None);
        }
        let size = Self::size_of(bytes, max)?;
        let Some((payload, [END])) = bytes
            .get(HEAD..size)
            .map(|rest| rest.split_at(size - OVERHEAD))
        else {
            return match bytes.get(size - 1) {
                Some(_) => Err(Error::Protocol("a frame without its end")),
                None => Ok(None),
            };
        };
        Ok(Some(Self {
            kind: bytes[0],
            channel: u16::from_be_bytes([bytes[1], bytes[2]]),
            payload,
        }))
    }

    /// How many bytes the first frame of `bytes` takes on the wire, of which the first seven must be
    /// there.
    pub(super) fn size_of(bytes: &[u8], max: usize) -> Result<usize, Error> {
        let Some(&[kind, _, _, ref size @ ..]) = bytes.first_chunk::<HEAD>() else {
            return Err(Error::Protocol("a frame without its head"));
        };
        if !matches!(kind, METHOD | HEADER | BODY | HEARTBEAT) {
            return Err(Error::Protocol("a frame of unknown type"));
        }
        let payload = usize::try_from(u32::from_be_bytes(*size)).unwrap_or(usize::MAX);
        match payload.checked_add(OVERHEAD) {
            Some(size) if size <= max => Ok(size),
            _ => Err(Error::Protocol("a frame larger than agreed")),
        }
    }

    /// How many bytes it takes on the wire.
    pub(super) const fn size(&self) -> usize {
        self.payload.len() + OVERHEAD
    }
}

/// Writes a frame whose payload is whatever `payload` writes.
pub(super) fn write(out: &mut Vec<u8>, kind: u8, channel: u16, payload: impl FnOnce(&mut Vec<u8>)) {
    out.push(kind);
    out.extend_from_slice(&channel.to_be_bytes());
    with_length(out, payload);
    out.push(END);
}
