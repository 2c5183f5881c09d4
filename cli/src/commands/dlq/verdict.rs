//! What is to be done with a dead letter that shall be replayed. Pure: knows neither server.

use serde::Serialize;
use tidings_broker::Destination;
use tidings_domain::notification::{DecodeError, DeliveryRequest, MessageId, Notification, Status};

/// Why a letter stays in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hindrance {
    /// Its header `channel` names no stage, so that it would come straight back.
    NoChannel,
    /// Its body cannot be read, so that it would come straight back.
    Undecodable,
    /// It asks for the delivery of a notification that is not recorded.
    RowMissing,
}

impl Hindrance {
    /// For people.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::NoChannel => {
                "no readable header `channel`: it belongs to no queue. Look at it, then purge it"
            }
            Self::Undecodable => {
                "the body cannot be read and would come back; --force sends it all the same"
            }
            Self::RowMissing => {
                "asks to deliver a notification that is not recorded; send it again through the API, then purge"
            }
        }
    }
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// To be published to its own queue; with `revive`, after its row went `failed → pending`.
    Replay {
        /// Whether the row stands at `failed`.
        revive: bool,
    },
    /// The notification has come to an end already: the letter is removed.
    Finished(Status),
    /// It stays.
    Left(Hindrance),
}

/// A letter that its stage can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readable {
    /// The stage.
    pub destination: Destination,
    /// The message, where it is named at all.
    pub id: Option<MessageId>,
}

/// Reads a letter as its stage will read it. `property` is the message id of its properties, which
/// stands in for one that cannot be read; `force` takes bodies that cannot be read.
pub fn read(
    destination: Option<Destination>,
    body: &[u8],
    property: Option<&str>,
    force: bool,
) -> Result<Readable, Hindrance> {
    let destination = destination.ok_or(Hindrance::NoChannel)?;
    let id = match (decode(destination, body), force) {
        (Ok(id), _) => Some(id),
        (Err(_), true) => property.and_then(|id| id.parse().ok()),
        (Err(_), false) => return Err(Hindrance::Undecodable),
    };
    Ok(Readable { destination, id })
}

fn decode(destination: Destination, body: &[u8]) -> Result<MessageId, DecodeError> {
    match destination {
        Destination::Intake => Notification::decode(body).map(|n| n.message_id),
        Destination::Delivery(_) => DeliveryRequest::decode(body).map(|request| request.message_id),
    }
}

/// Decides by the row's status; `None` where there is no row.
pub fn decide(letter: Readable, status: Option<Status>) -> Verdict {
    match (status, letter.destination) {
        // The intake makes the row.
        (None, Destination::Intake) => Verdict::Replay { revive: false },
        // Forced, and it names no message: there is no row to be asked for.
        (None, Destination::Delivery(_)) if letter.id.is_none() => {
            Verdict::Replay { revive: false }
        }
        (None, Destination::Delivery(_)) => Verdict::Left(Hindrance::RowMissing),
        (Some(Status::Failed), _) => Verdict::Replay { revive: true },
        // A replay was killed between the row and the message, or there are several letters.
        (Some(Status::Scheduled | Status::Pending | Status::Retrying), _) => {
            Verdict::Replay { revive: false }
        }
        (Some(end @ (Status::Processed | Status::Cancelled | Status::Expired)), _) => {
            Verdict::Finished(end)
        }
    }
}

#[cfg(test)]
mod tests {
    use tidings_domain::notification::DeliveredChannel;

    use super::*;

    const EMAIL: Destination = Destination::Delivery(DeliveredChannel::Email);

    fn letter(destination: Destination) -> Readable {
        let id = Some(MessageId::generate());
        Readable { destination, id }
    }

    #[test]
    fn the_row_decides_what_happens() {
        let replay = |revive| Verdict::Replay { revive };
        for (destination, status, verdict) in [
            (Destination::Intake, None, replay(false)),
            (EMAIL, None, Verdict::Left(Hindrance::RowMissing)),
            (EMAIL, Some(Status::Failed), replay(true)),
            (EMAIL, Some(Status::Pending), replay(false)),
            (EMAIL, Some(Status::Retrying), replay(false)),
            (EMAIL, Some(Status::Scheduled), replay(false)),
            (
                Destination::Intake,
                Some(Status::Processed),
                Verdict::Finished(Status::Processed),
            ),
            (
                EMAIL,
                Some(Status::Cancelled),
                Verdict::Finished(Status::Cancelled),
            ),
            (
                EMAIL,
                Some(Status::Expired),
                Verdict::Finished(Status::Expired),
            ),
        ] {
            assert_eq!(
                decide(letter(destination), status),
                verdict,
                "{destination:?} {status:?}"
            );
        }
    }

    #[test]
    fn a_letter_without_a_channel_is_never_replayed() {
        let refused = read(None, b"{}", None, true);
        assert_eq!(refused, Err(Hindrance::NoChannel));
    }

    #[test]
    fn a_body_that_cannot_be_read_is_replayed_only_by_force() {
        let id = MessageId::generate();
        let property = id.to_string();
        let read = |property, force| read(Some(EMAIL), b"\xff", property, force);
        assert_eq!(read(Some(&property), false), Err(Hindrance::Undecodable));
        let forced = read(Some(&property), true).expect("forced");
        assert_eq!(forced.id, Some(id));
        let nameless = read(None, true).expect("forced");
        assert_eq!(decide(nameless, None), Verdict::Replay { revive: false });
    }

    #[test]
    fn the_body_names_the_message_whatever_the_properties_say() {
        let id = MessageId::generate();
        let body = DeliveryRequest { message_id: id }.encode();
        let read = read(Some(EMAIL), &body, Some("another"), false).expect("readable");
        assert_eq!(read.id, Some(id));
    }
}
