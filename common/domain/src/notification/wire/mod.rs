//! The wire form of messages between the programs.

mod decode_error;
mod delivery_request;
mod notification;

pub use decode_error::DecodeError;
pub use delivery_request::DeliveryRequest;
pub use notification::Notification;

use serde::{Deserialize, Serialize};

/// The version of the wire form: the only one that this program writes and reads.
pub const WIRE_VERSION: u32 = 1;

#[derive(Deserialize)]
struct VersionField {
    v: u32,
}

/// Decodes `body`. If the fields do not match, the version decides between an unknown version and a malformed body.
fn decode<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, DecodeError> {
    serde_json::from_slice(body).map_err(|error| match serde_json::from_slice(body) {
        Ok(VersionField { v }) if v != WIRE_VERSION => DecodeError::UnknownVersion(v),
        _ => DecodeError::Malformed(error),
    })
}

const fn check_version(v: u32) -> Result<(), DecodeError> {
    if v == WIRE_VERSION {
        Ok(())
    } else {
        Err(DecodeError::UnknownVersion(v))
    }
}

/// Serializes into `body`. Cannot fail: the values are strings, numbers and raw JSON, and the writer is memory.
fn write(body: &mut Vec<u8>, value: &impl Serialize) {
    let written = serde_json::to_writer(body, value);
    debug_assert!(written.is_ok(), "{written:?}");
}

#[cfg(test)]
mod tests;
