//! Decides what to do with a dead letter in a replay. Pure functions, without broker and database.

use serde::Serialize;
use tidings_broker::Stage;
use tidings_domain::notification::{
    DecodeError, DeliveryRequest, MessageId, Notification, Phase, Status,
};

/// Why a dead letter cannot be replayed and stays in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// Its header `channel` contains no known stage, so there is no queue for it.
    NoChannel,
    /// Its body cannot be decoded, so its stage would reject it again.
    Undecodable,
    /// Its notification is not recorded.
    RowMissing,
    /// Its notification has a status that only a newer version knows.
    NewerVersion,
}

impl SkipReason {
    /// The reason and what to do, as text.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::NoChannel => {
                "the header `channel` contains no known stage. Check the dead letter, then purge it"
            }
            Self::Undecodable => {
                "the body cannot be decoded, so its stage would reject it again; --force publishes it nevertheless"
            }
            Self::NewerVersion => {
                "the notification has a status of a newer version; use the tool of that version"
            }
            Self::RowMissing => {
                "the notification is not recorded; post it again through the API, then purge the dead letter"
            }
        }
    }
}

/// What to do with a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayAction {
    /// Publish it to the queue of its stage.
    Replay {
        /// Whether its row must change from `failed` to `pending` first.
        reset_row: bool,
    },
    /// Remove it: the notification has this final status already.
    Remove(Status),
    /// Keep it in the queue.
    Keep(SkipReason),
}

/// A dead letter that its stage can decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodedDeadLetter {
    /// The stage.
    pub stage: Stage,
    /// The message id, if the dead letter has one.
    pub id: Option<MessageId>,
}

/// Decodes a dead letter like its stage. With `force`, a body that cannot be decoded is no error, and `property`, the
/// message id of the properties, is used instead.
pub fn decode(
    stage: Option<Stage>,
    body: &[u8],
    property: Option<&str>,
    force: bool,
) -> Result<DecodedDeadLetter, SkipReason> {
    let stage = stage.ok_or(SkipReason::NoChannel)?;
    let id = match (decode_body(stage, body), force) {
        (Ok(id), _) => Some(id),
        (Err(_), true) => property.and_then(|id| id.parse().ok()),
        (Err(_), false) => return Err(SkipReason::Undecodable),
    };
    Ok(DecodedDeadLetter { stage, id })
}

fn decode_body(stage: Stage, body: &[u8]) -> Result<MessageId, DecodeError> {
    match stage {
        Stage::Intake => Notification::decode(body).map(|n| n.message_id),
        Stage::Delivery(_) => DeliveryRequest::decode(body).map(|request| request.message_id),
    }
}

/// Decides by the status of the row; `None` if there is no row.
pub fn decide(dead_letter: DecodedDeadLetter, status: Option<Status>) -> ReplayAction {
    match (status, dead_letter.stage) {
        // The intake inserts the row.
        (None, Stage::Intake) => ReplayAction::Replay { reset_row: false },
        // With `force`, and without a message id there is no row to look for.
        (None, Stage::Delivery(_)) if dead_letter.id.is_none() => {
            ReplayAction::Replay { reset_row: false }
        }
        (None, Stage::Delivery(_)) => ReplayAction::Keep(SkipReason::RowMissing),
        (Some(status), _) => match status.phase() {
            Phase::Failed => ReplayAction::Replay { reset_row: true },
            // An earlier replay was killed after it changed the row, or there are several dead letters.
            Phase::Scheduled | Phase::InProgress => ReplayAction::Replay { reset_row: false },
            Phase::Ended => ReplayAction::Remove(status),
        },
    }
}

#[cfg(test)]
mod tests {
    use tidings_domain::notification::DeliveredChannel;

    use super::*;

    const EMAIL: Stage = Stage::Delivery(DeliveredChannel::Email);

    fn letter(stage: Stage) -> DecodedDeadLetter {
        let id = Some(MessageId::generate());
        DecodedDeadLetter { stage, id }
    }

    #[test]
    fn the_status_of_the_row_decides() {
        let replay = |reset_row| ReplayAction::Replay { reset_row };
        for (stage, status, action) in [
            (Stage::Intake, None, replay(false)),
            (EMAIL, None, ReplayAction::Keep(SkipReason::RowMissing)),
            (EMAIL, Some(Status::Failed), replay(true)),
            (EMAIL, Some(Status::Pending), replay(false)),
            (EMAIL, Some(Status::Retrying), replay(false)),
            (EMAIL, Some(Status::Scheduled), replay(false)),
            (
                Stage::Intake,
                Some(Status::Processed),
                ReplayAction::Remove(Status::Processed),
            ),
            (
                EMAIL,
                Some(Status::Cancelled),
                ReplayAction::Remove(Status::Cancelled),
            ),
            (
                EMAIL,
                Some(Status::Expired),
                ReplayAction::Remove(Status::Expired),
            ),
        ] {
            assert_eq!(
                decide(letter(stage), status),
                action,
                "{stage:?} {status:?}"
            );
        }
    }

    #[test]
    fn a_dead_letter_without_a_stage_is_never_replayed() {
        let refused = decode(None, b"{}", None, true);
        assert_eq!(refused, Err(SkipReason::NoChannel));
    }

    #[test]
    fn a_body_that_cannot_be_decoded_is_replayed_only_by_force() {
        let id = MessageId::generate();
        let property = id.to_string();
        let decode = |property, force| decode(Some(EMAIL), b"\xff", property, force);
        assert_eq!(decode(Some(&property), false), Err(SkipReason::Undecodable));
        let forced = decode(Some(&property), true).expect("forced");
        assert_eq!(forced.id, Some(id));
        let nameless = decode(None, true).expect("forced");
        assert_eq!(
            decide(nameless, None),
            ReplayAction::Replay { reset_row: false }
        );
    }

    #[test]
    fn the_id_in_the_body_takes_precedence_over_the_property() {
        let id = MessageId::generate();
        let body = DeliveryRequest { message_id: id }.encode();
        let decoded = decode(Some(EMAIL), &body, Some("another"), false).expect("decoded");
        assert_eq!(decoded.id, Some(id));
    }
}
