use std::fmt::Display;

use tidings_broker::{Envelope, EventKind, header};
use tidings_domain::content::{FieldProblem, ProblemKind};
use tidings_domain::notification::{IdempotencyKey, KeyNamespace, MessageId};
use tidings_requests::InvalidObject;

/// The key of an event, by which a redelivery creates the same notification: its header `x-idempotency-key`, else its AMQP
/// `message_id`. The header is first, because a program that publishes again after a lost confirm may give the message
/// another `message_id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EventKey {
    kind: EventKind,
    key: IdempotencyKey,
}

impl EventKey {
    /// The key of a message, if it has one.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the key.
    pub(super) fn of(kind: EventKind, message: &Envelope) -> Result<Option<Self>, InvalidObject> {
        let in_header = message.idempotency_key();
        let in_header = in_header.map_err(|error| invalid(header::IDEMPOTENCY_KEY, &error))?;
        // Some clients send an empty `message_id` if they are given none.
        let message_id = message.message_id().filter(|id| !id.is_empty());
        let (name, text) = match (in_header, message_id) {
            (Some(key), _) => (header::IDEMPOTENCY_KEY, key),
            (None, Some(id)) => ("message_id", id),
            (None, None) => return Ok(None),
        };
        let parsed = text.parse::<IdempotencyKey>();
        let key = parsed.map_err(|error| invalid(name, &error))?;
        Ok(Some(Self { kind, key }))
    }

    /// The id of the notification.
    pub(super) fn id(&self) -> MessageId {
        MessageId::for_key(KeyNamespace::of_event(self.kind.routing_key()), &self.key)
    }
}

fn invalid(name: &str, error: &dyn Display) -> InvalidObject {
    InvalidObject::Fields(vec![FieldProblem {
        field: name.to_owned(),
        message: error.to_string(),
        kind: ProblemKind::Invalid,
    }])
}
