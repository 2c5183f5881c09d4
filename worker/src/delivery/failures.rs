//! The failures that deliveries report.

use tidings_broker::Failure;

/// The reason in the dead letter of a rejected message.
pub const REJECTED: &str = "rejected_by_provider";

/// The reason in the dead letter of a message to an address that no longer exists.
pub const ADDRESS_GONE: &str = "address_gone";

/// The reason in the dead letter of a message that its provider was not asked to send.
pub const NOT_SENT: &str = "not_sent";

/// The failure of a message that has been sent `copies` times with an unknown outcome. `error` is that of the last
/// one.
pub fn unknown_failure(copies: u32, error: &str) -> Failure {
    let times = match copies {
        0 | 1 => String::new(),
        _ => format!("{copies} times "),
    };
    let detail = format!("sent {times}without a readable answer, so it may have arrived: {error}");
    Failure::quoting(Failure::OUTCOME_UNKNOWN, detail)
}
