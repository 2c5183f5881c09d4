//! The wire form of messages between the programs.

mod decode_error;
mod delivery_request;
mod notification;
mod ping;

pub use decode_error::DecodeError;
pub use delivery_request::{DeliveryKind, DeliveryRequest};
pub use notification::Notification;

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// The versions of the wire form that this program reads.
const READ_VERSIONS: RangeInclusive<u32> = PLAIN..=WITH_DIGEST;

/// The version of messages whose unknown fields may be ignored.
const PLAIN: u32 = 1;

/// The version of notifications that a program must not treat like others, for example because they are scheduled. A
/// program that does not know the version makes them dead letters, which can be replayed.
const RESTRICTED: u32 = 2;

/// The version of notifications without a target user, and of the requests to deliver them. A program that does not know the
/// version makes them dead letters, which can be replayed: it could not read their rows.
const WITHOUT_USER: u32 = 3;

/// The version of notifications with a category, with or without a target user, and of the requests to deliver them. A program
/// that does not know the version makes them dead letters, which can be replayed: it would not ask what the recipient has
/// chosen.
const WITH_CATEGORY: u32 = 4;

/// The version of notifications with the key of a digest, with or without what the other versions are for. A program that does
/// not know the version makes them dead letters, which can be replayed: it would send each of them by itself.
const WITH_DIGEST: u32 = 5;

#[derive(Deserialize)]
struct VersionField {
    v: u32,
}

/// Decodes `body`. If the fields do not match, the version decides between an unknown version and a malformed body.
fn decode<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, DecodeError> {
    serde_json::from_slice(body).map_err(|error| match serde_json::from_slice(body) {
        Ok(VersionField { v }) if !READ_VERSIONS.contains(&v) => DecodeError::UnknownVersion(v),
        _ => DecodeError::Malformed(error),
    })
}

fn check_version(v: u32) -> Result<(), DecodeError> {
    if READ_VERSIONS.contains(&v) {
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
