//! The id, stage and failure of a dead letter.

use serde_json::{Value, json};
use tidings_broker::{DeadLetter, Failure, Stage};
use tidings_db::dead_letters::LetterIdentity;
use tidings_domain::notification::{DeliveryRequest, MessageId};
use uuid::Uuid;

/// The name for the stage of a dead letter whose header contains no known stage.
pub const NO_CHANNEL: &str = "none";

/// The message id in the body of a dead letter: messages of all stages have it in the same field. If the body cannot
/// be decoded, the id of the properties.
pub fn message_id(dead_letter: &DeadLetter) -> Option<MessageId> {
    match DeliveryRequest::decode(&dead_letter.body) {
        Ok(request) => Some(request.message_id),
        Err(_) => dead_letter.message_id.as_ref()?.parse().ok(),
    }
}

/// The id to show and to select by.
pub fn shown_id(dead_letter: &DeadLetter) -> Option<String> {
    let id = message_id(dead_letter).map(|id| id.to_string());
    id.or_else(|| dead_letter.message_id.clone())
}

/// The stage in which a dead letter failed; `none` if its header contains no known stage.
pub fn channel_name(dead_letter: &DeadLetter) -> &'static str {
    dead_letter.stage.map_or(NO_CHANNEL, Stage::as_str)
}

/// The id that a dead letter has as a letter without a row.
pub fn letter_id(dead_letter: &DeadLetter) -> Uuid {
    let parts = dead_letter.letter_parts();
    let identity = LetterIdentity {
        message_id: parts.message_id,
        stage: parts.stage.map(Stage::as_str),
        idempotency_key: parts.idempotency_key,
        body: parts.body,
    };
    identity.id()
}

/// Whether the message of a dead letter may have arrived, by its reason.
pub fn may_have_arrived(dead_letter: &DeadLetter) -> bool {
    dead_letter.reason == Failure::OUTCOME_UNKNOWN
}

/// The summary of a dead letter, as JSON.
pub fn summary(dead_letter: &DeadLetter) -> Value {
    json!({
        "messageId": shown_id(dead_letter),
        "channel": channel_name(dead_letter),
        "reason": dead_letter.reason,
        "mayHaveArrived": may_have_arrived(dead_letter),
        "detail": dead_letter.detail,
        "attempts": dead_letter.attempts,
        "failedAt": dead_letter.failed_at,
        "bytes": dead_letter.body.len(),
    })
}
