//! Ids of notifications, users and schedules.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

use super::IdempotencyKey;

/// The namespace of the namespaces of all callers (RFC 9562 §5.5). Must never change: with another value, a repeated
/// request would get another message id.
const NAMESPACE: Uuid = uuid!("b1b5e7a2-6d0c-5a39-9d7e-4c1f7d0a55e4");

/// The namespace of the namespaces of callers that are users. Must never change either.
const USER_NAMESPACE: Uuid = uuid!("4d0f8a63-92c5-5e1b-8a47-0b6e3c95d7f2");

/// The namespace of the namespaces of the kinds of events. Must never change either.
const EVENT_NAMESPACE: Uuid = uuid!("c2a7e9b4-5f18-5d36-b0c9-7e41a8d2f653");

/// The namespace of a caller's idempotency keys: callers never share a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyNamespace(Uuid);

impl KeyNamespace {
    /// The namespace of a service: a caller that may send to all users.
    #[must_use]
    pub fn of_service(subject: &str) -> Self {
        Self(Uuid::new_v5(&NAMESPACE, subject.as_bytes()))
    }

    /// The namespace of the events of a kind, such as `email.send`, which programs publish by AMQP. Programs that publish
    /// share it, and it is that of no caller: an event and a request with the same key are two notifications.
    #[must_use]
    pub fn of_event(kind: &str) -> Self {
        Self(Uuid::new_v5(&EVENT_NAMESPACE, kind.as_bytes()))
    }

    /// The UUID of the namespace, which differs from that of every other caller.
    #[must_use]
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }

    /// The namespace of a user: a caller that may send to itself only. Differs from that of a service with the
    /// same subject, so that a user cannot take the service's keys in advance.
    #[must_use]
    pub fn of_user(subject: &str) -> Self {
        Self(Uuid::new_v5(&USER_NAMESPACE, subject.as_bytes()))
    }
}

/// The id of a notification, from the HTTP response to the last delivery attempt. Every stage uses it to detect
/// duplicates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(Uuid);

impl MessageId {
    /// A new id, ordered by time (UUIDv7), so that indexes grow at one end.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// The id for an idempotency key (UUIDv5): the same namespace and key always give the same id.
    #[must_use]
    pub fn for_key(namespace: KeyNamespace, key: &IdempotencyKey) -> Self {
        Self(Uuid::new_v5(&namespace.0, key.as_str().as_bytes()))
    }

    /// The id of the notification of an event without a key (UUIDv5). A `process` that processes the event again before it
    /// has settled the message uses the same id, and another process does not. `sequence` identifies the delivery of the
    /// event within the process.
    #[must_use]
    pub fn for_delivery(process: Uuid, sequence: u64) -> Self {
        Self(Uuid::new_v5(&process, &sequence.to_be_bytes()))
    }

    /// The id of the notification for one occurrence of a schedule (UUIDv5). It does not depend on the process that creates
    /// the notification, nor on the time, so that each occurrence creates one notification. Other occurrences, other
    /// schedules and idempotency keys give other ids.
    ///
    /// The namespace is the id of the schedule, and the name is the Unix time of the occurrence in microseconds, in
    /// decimal digits. Must never change: with another name, an occurrence could create a second notification.
    #[must_use]
    pub fn for_occurrence(schedule: ScheduleId, occurrence: Timestamp) -> Self {
        let name = occurrence.as_microsecond().to_string();
        Self(Uuid::new_v5(&schedule.0, name.as_bytes()))
    }

    /// The id of the notification of a digest (UUIDv5): a digest has one notification, however often it is closed.
    ///
    /// The namespace is the id of the digest, and the name is `digest`. Must never change.
    #[must_use]
    pub fn for_digest(digest: DigestId) -> Self {
        Self(Uuid::new_v5(&digest.0, b"digest"))
    }

    /// The UUID.
    #[must_use]
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }
}

/// The id of a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DigestId(Uuid);

impl DigestId {
    /// A new id, ordered by time (UUIDv7).
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// The UUID.
    #[must_use]
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }
}

/// The id of a recurring schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ScheduleId(Uuid);

impl ScheduleId {
    /// A new id, ordered by time (UUIDv7).
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// The UUID.
    #[must_use]
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }
}

/// The id of the user that receives a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(Uuid);

impl UserId {
    /// The UUID.
    #[must_use]
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }
}

/// Implements the conversions that all id types share.
macro_rules! uuid_newtype {
    ($name:ident) => {
        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            /// Parses any UUID format that the `uuid` crate accepts.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

uuid_newtype!(MessageId);
uuid_newtype!(UserId);
uuid_newtype!(ScheduleId);
uuid_newtype!(DigestId);

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> IdempotencyKey {
        text.parse().expect("a valid key")
    }

    fn of_service(subject: &str, text: &str) -> MessageId {
        MessageId::for_key(KeyNamespace::of_service(subject), &key(text))
    }

    #[test]
    fn the_same_caller_and_key_give_the_same_id() {
        let id = of_service("alice", "order-1");
        assert_eq!(id, of_service("alice", "order-1"));
        assert_ne!(id, of_service("alice", "order-2"));
        assert_ne!(id, of_service("bob", "order-1"));
    }

    #[test]
    fn a_user_and_a_service_with_one_subject_share_no_key() {
        let of_user = MessageId::for_key(KeyNamespace::of_user("alice"), &key("order-1"));
        assert_ne!(of_user, of_service("alice", "order-1"));
    }

    #[test]
    fn the_id_of_a_key_never_changes_between_versions() {
        assert_eq!(
            of_service("alice", "order-1").to_string(),
            "9f6d9906-35a5-5d30-a600-948abd2b9c96"
        );
        let of_user = MessageId::for_key(KeyNamespace::of_user("alice"), &key("order-1"));
        assert_eq!(of_user.to_string(), "1744857d-95b9-5f8b-bac3-19d732af369d");
    }

    #[test]
    fn an_occurrence_of_a_schedule_always_has_the_same_id() {
        let schedule = |text: &str| text.parse::<ScheduleId>().expect("a UUID");
        let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
        let daily = schedule("019a2f6e-5a7c-7cc3-98c4-dc0c0c07398f");
        let first = MessageId::for_occurrence(daily, at("2027-03-28T07:00:00Z"));
        assert_eq!(first.to_string(), "f285e186-27e1-5bcf-aaec-277abdc35b8c");
        let again = MessageId::for_occurrence(daily, at("2027-03-28T09:00:00+02:00"));
        assert_eq!(first, again);
        let next = MessageId::for_occurrence(daily, at("2027-03-29T07:00:00Z"));
        assert_ne!(first, next);
        let other = schedule("019a2f6e-5a7c-7cc3-98c4-dc0c0c073990");
        assert_ne!(
            first,
            MessageId::for_occurrence(other, at("2027-03-28T07:00:00Z"))
        );
    }

    #[test]
    fn the_notification_of_a_digest_always_has_the_same_id() {
        let digest: DigestId = "019a2f6e-5a7c-7cc3-98c4-dc0c0c07398f"
            .parse()
            .expect("a UUID");
        let id = MessageId::for_digest(digest);
        assert_eq!(id.to_string(), "4fbc7974-54b9-57c8-abf2-c89d95fef3bc");
        assert_ne!(id, MessageId::for_digest(DigestId::generate()));
    }

    #[test]
    fn generated_ids_are_ordered_by_time() {
        let ids: Vec<_> = (0..1000).map(|_| MessageId::generate()).collect();
        assert!(ids.is_sorted());
    }
}
