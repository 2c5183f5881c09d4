//! Decides what to do with a dead letter in a replay. Pure functions, without broker and database.

use serde::Serialize;
use tidings_broker::{DeadLetter, EventKind, Failure, Stage};
use tidings_db::notifications::RecordedState;
use tidings_domain::notification::{
    DeliveryRequest, Fingerprint, MessageId, Notification, Phase, Status,
};
use tidings_requests::{EmailEvent, NewNotification, UserDeleteEvent};

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
    /// The row under its idempotency key is that of another request.
    IdempotencyKeyReused,
    /// The payload of its notification is erased: nothing is left to send.
    PayloadRemoved,
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
            Self::IdempotencyKeyReused => {
                "another notification was posted under the same idempotency key; post this one again under a new key, then purge the dead letter"
            }
            Self::PayloadRemoved => {
                "the payload is erased (RETENTION_DEAD_LETTER_DAYS, or SENSITIVE_REPLAY_HOURS if it is sensitive); post the notification again through the API, then purge the dead letter"
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
    /// The message id, if the dead letter has one. An event has none: its stage derives the id.
    pub id: Option<MessageId>,
    /// The fingerprint of its request, if it is a message of the intake and has one.
    pub fingerprint: Option<Fingerprint>,
}

impl DecodedDeadLetter {
    /// Whether the row is known to be that of another request. A replay must not change it.
    pub fn is_of_another_request(&self, row: &RecordedState) -> bool {
        Fingerprint::differ(self.fingerprint, row.fingerprint)
    }
}

/// Decodes a dead letter like its stage. With `force`, a body that cannot be decoded is no error, and the message id of the
/// properties is used instead.
pub fn decode(dead_letter: &DeadLetter, force: bool) -> Result<DecodedDeadLetter, SkipReason> {
    let DeadLetter {
        stage,
        reason,
        body,
        message_id,
        ..
    } = dead_letter;
    // Whatever became of the other request.
    if reason == Failure::IDEMPOTENCY_KEY_REUSED {
        return Err(SkipReason::IdempotencyKeyReused);
    }
    decode_message(*stage, body, message_id.as_deref(), force)
}

fn decode_message(
    stage: Option<Stage>,
    body: &[u8],
    property: Option<&str>,
    force: bool,
) -> Result<DecodedDeadLetter, SkipReason> {
    let stage = stage.ok_or(SkipReason::NoChannel)?;
    let (id, fingerprint) = match (decode_body(stage, body), force) {
        (Some(decoded), _) => decoded,
        // Another program has chosen the property of an event.
        (None, true) if matches!(stage, Stage::Event(_)) => (None, None),
        (None, true) => (property.and_then(|id| id.parse().ok()), None),
        (None, false) => return Err(SkipReason::Undecodable),
    };
    Ok(DecodedDeadLetter {
        stage,
        id,
        fingerprint,
    })
}

/// Returns `None` if the stage rejects the body.
fn decode_body(stage: Stage, body: &[u8]) -> Option<(Option<MessageId>, Option<Fingerprint>)> {
    match stage {
        Stage::Intake => {
            let notification = Notification::decode(body).ok()?;
            Some((Some(notification.message_id), notification.fingerprint))
        }
        Stage::Delivery(_) => Some((Some(DeliveryRequest::decode(body).ok()?.message_id), None)),
        Stage::Event(EventKind::EmailSend) => EmailEvent::parse(body).ok().map(|_| (None, None)),
        Stage::Event(EventKind::UserDelete) => {
            UserDeleteEvent::parse(body).ok().map(|_| (None, None))
        }
        Stage::Event(EventKind::NotificationSend) => {
            NewNotification::parse(body).ok().map(|_| (None, None))
        }
    }
}

/// Decides by the row of the notification. `row` is `None` if the notification is not recorded.
pub fn decide(dead_letter: DecodedDeadLetter, row: Option<&RecordedState>) -> ReplayAction {
    if row.is_some_and(|row| dead_letter.is_of_another_request(row)) {
        return ReplayAction::Keep(SkipReason::IdempotencyKeyReused);
    }
    match (row, dead_letter.stage) {
        // The intake inserts the row. An event has none, whatever id its program has chosen.
        (None, Stage::Intake) | (_, Stage::Event(_)) => ReplayAction::Replay { reset_row: false },
        // With `force`, and without a message id there is no row to look for.
        (None, Stage::Delivery(_)) if dead_letter.id.is_none() => {
            ReplayAction::Replay { reset_row: false }
        }
        (None, Stage::Delivery(_)) => ReplayAction::Keep(SkipReason::RowMissing),
        (Some(row), _) => match row.status.phase() {
            Phase::Failed if row.payload_removed => ReplayAction::Keep(SkipReason::PayloadRemoved),
            Phase::Failed => ReplayAction::Replay { reset_row: true },
            // An earlier replay was killed after it changed the row, or there are several dead letters.
            Phase::Scheduled | Phase::InProgress => ReplayAction::Replay { reset_row: false },
            Phase::Ended => ReplayAction::Remove(row.status),
        },
    }
}

#[cfg(test)]
mod tests {
    use tidings_domain::notification::{Channel, DeliveredChannel};

    use super::*;

    const EMAIL: Stage = Stage::Delivery(DeliveredChannel::Email);

    fn letter(stage: Stage) -> DecodedDeadLetter {
        DecodedDeadLetter {
            stage,
            id: Some(MessageId::generate()),
            fingerprint: None,
        }
    }

    fn row(status: Status) -> RecordedState {
        RecordedState {
            status,
            channel: Channel::Email,
            fingerprint: None,
            payload_removed: false,
        }
    }

    #[test]
    fn only_a_failed_notification_needs_its_payload() {
        let decided = |status| {
            let row = RecordedState {
                payload_removed: true,
                ..row(status)
            };
            decide(letter(EMAIL), Some(&row))
        };
        assert_eq!(
            decided(Status::Failed),
            ReplayAction::Keep(SkipReason::PayloadRemoved)
        );
        assert_eq!(
            decided(Status::Processed),
            ReplayAction::Remove(Status::Processed)
        );
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
            let row = status.map(row);
            assert_eq!(
                decide(letter(stage), row.as_ref()),
                action,
                "{stage:?} {status:?}"
            );
        }
    }

    #[test]
    fn a_dead_letter_of_another_request_than_the_row_stays_whatever_the_status() {
        let [one, other] = [3, 7].map(|byte| Fingerprint::from_bytes(&[byte; 17]));
        let of_version_3 = |last: u8| {
            let mut bytes = [3; 17];
            bytes[16] = last;
            Fingerprint::from_bytes(&bytes)
        };
        for status in Status::ALL {
            let action = |of_letter, of_row| {
                let letter = DecodedDeadLetter {
                    fingerprint: of_letter,
                    ..letter(Stage::Intake)
                };
                let row = RecordedState {
                    fingerprint: of_row,
                    ..row(status)
                };
                decide(letter, Some(&row))
            };
            let kept = ReplayAction::Keep(SkipReason::IdempotencyKeyReused);
            assert_eq!(action(one, of_version_3(4)), kept, "{status}");
            for (of_letter, of_row) in [(one, one), (None, one), (one, None), (one, other)] {
                assert_ne!(action(of_letter, of_row), kept, "{status}");
            }
        }
    }

    #[test]
    fn a_dead_letter_without_a_stage_is_never_replayed() {
        let refused = decode_message(None, b"{}", None, true);
        assert_eq!(refused, Err(SkipReason::NoChannel));
    }

    #[test]
    fn a_body_that_cannot_be_decoded_is_replayed_only_by_force() {
        let id = MessageId::generate();
        let property = id.to_string();
        let decode = |property, force| decode_message(Some(EMAIL), b"\xff", property, force);
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
    fn a_valid_event_is_replayed_and_no_row_is_changed() {
        let decode = |body: &[u8], force| {
            let id = MessageId::generate().to_string();
            let stage = Stage::Event(EventKind::EmailSend);
            decode_message(Some(stage), body, Some(&id), force)
        };
        let valid = br#"{"recipient": "a@example.com", "subject": "a", "body": "b"}"#;
        for (body, force) in [(&valid[..], false), (b"{}", true)] {
            let decoded = decode(body, force).expect("decoded");
            assert_eq!(decoded.id, None);
            let replay = ReplayAction::Replay { reset_row: false };
            assert_eq!(decide(decoded, None), replay);
        }
        assert_eq!(decode(b"{}", false), Err(SkipReason::Undecodable));
    }

    #[test]
    fn the_id_in_the_body_takes_precedence_over_the_property() {
        let id = MessageId::generate();
        let body = DeliveryRequest::from(id).encode();
        let decoded = decode_message(Some(EMAIL), &body, Some("another"), false).expect("decoded");
        assert_eq!(decoded.id, Some(id));
    }
}
