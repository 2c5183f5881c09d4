//! What a dead letter says of itself.

use serde_json::{Value, json};
use tidings_broker::{DeadLetter, Destination};
use tidings_domain::notification::{DeliveryRequest, MessageId};

/// What stands for the channel of a letter whose header names none.
pub const NO_CHANNEL: &str = "none";

/// The message id that a letter's body names: intake and delivery both name it in the same field.
/// A body that cannot be read leaves the id of the properties.
pub fn message_id(letter: &DeadLetter) -> Option<MessageId> {
    match DeliveryRequest::decode(&letter.body) {
        Ok(request) => Some(request.message_id),
        Err(_) => letter.message_id.as_ref()?.parse().ok(),
    }
}

/// The id that people are shown and can select by.
pub fn shown_id(letter: &DeadLetter) -> Option<String> {
    let id = message_id(letter).map(|id| id.to_string());
    id.or_else(|| letter.message_id.clone())
}

/// The name of the stage that a letter failed in; `none` where its header names none.
pub fn channel_name(letter: &DeadLetter) -> &'static str {
    letter.destination.map_or(NO_CHANNEL, Destination::as_str)
}

/// What programs are told of every letter.
pub fn summary(letter: &DeadLetter) -> Value {
    json!({
        "messageId": shown_id(letter),
        "channel": channel_name(letter),
        "reason": letter.reason,
        "detail": letter.detail,
        "attempts": letter.attempts,
        "failedAt": letter.failed_at,
        "bytes": letter.body.len(),
    })
}
