//! The names of the headers that messages carry.

use jiff::Timestamp;
use lapin::BasicProperties;
use lapin::types::AMQPValue;

/// The queue that a message belongs to: a [`Stage`](super::Stage)'s name.
pub const CHANNEL: &str = "channel";
/// The time before which the message must not be processed (RFC 3339).
pub const NOT_BEFORE: &str = "x-not-before";
/// What the message waits for: keys, separated by spaces (see [`WaitsFor`](super::WaitsFor)).
pub const WAITS_FOR: &str = "x-waits-for";
/// When a worker last read the row of a message that waits (RFC 3339).
pub const ROW_READ_AT: &str = "x-row-read-at";
/// The idempotency key of an event. Its dead letter keeps it, so that a replay creates the same notification.
pub const IDEMPOTENCY_KEY: &str = "x-idempotency-key";
/// The trace of a message and the span that published it, as in HTTP (W3C Trace Context).
pub const TRACEPARENT: &str = "traceparent";
/// What tracing systems say about the trace of a message, as in HTTP.
pub const TRACESTATE: &str = "tracestate";
/// A dead letter's stable reason code, such as `unknown_user`.
pub const FAILURE_REASON: &str = "x-failure-reason";
/// A dead letter's reason for people.
pub const FAILURE_DETAIL: &str = "x-failure-detail";
/// When a message became a dead letter (RFC 3339).
pub const FAILED_AT: &str = "x-failed-at";
/// How often a dead letter was tried.
pub const ATTEMPTS: &str = "x-attempts";

/// Returns a header's value if it is text.
pub(super) fn as_text(value: &AMQPValue) -> Option<&str> {
    match value {
        AMQPValue::LongString(text) => std::str::from_utf8(text.as_bytes()).ok(),
        AMQPValue::ShortString(text) => Some(text.as_str()),
        _ => None,
    }
}

/// Returns the time before which a message must not be processed, if the message names one.
pub(super) fn not_before(properties: &BasicProperties) -> Option<Timestamp> {
    let headers = properties.headers().as_ref()?;
    as_text(headers.inner().get(NOT_BEFORE)?)?.parse().ok()
}
