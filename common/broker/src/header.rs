//! The names of the headers that messages carry.

use jiff::Timestamp;
use lapin::BasicProperties;
use lapin::types::AMQPValue;

/// The queue that a message belongs to: a [`Destination`](super::Destination)'s name.
pub const CHANNEL: &str = "channel";
/// Not to be processed before this time (RFC 3339).
pub const NOT_BEFORE: &str = "x-not-before";
/// A dead letter's stable reason code, such as `unknown_user`.
pub const FAILURE_REASON: &str = "x-failure-reason";
/// A dead letter's reason for people.
pub const FAILURE_DETAIL: &str = "x-failure-detail";
/// When a message became a dead letter (RFC 3339).
pub const FAILED_AT: &str = "x-failed-at";
/// How often a dead letter was tried.
pub const ATTEMPTS: &str = "x-attempts";

/// A header's value, where it is text.
pub(super) fn as_text(value: &AMQPValue) -> Option<&str> {
    match value {
        AMQPValue::LongString(text) => std::str::from_utf8(text.as_bytes()).ok(),
        AMQPValue::ShortString(text) => Some(text.as_str()),
        _ => None,
    }
}

/// The time before which a message is not to be processed, where it has one.
pub(super) fn not_before(properties: &BasicProperties) -> Option<Timestamp> {
    let headers = properties.headers().as_ref()?;
    as_text(headers.inner().get(NOT_BEFORE)?)?.parse().ok()
}
