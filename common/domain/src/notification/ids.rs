//! Ids of notifications and users.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

use super::IdempotencyKey;

/// The namespace of the namespaces of all callers (RFC 9562 §5.5). Must never change: with another value, a repeated
/// request would get another message id.
const NAMESPACE: Uuid = uuid!("b1b5e7a2-6d0c-5a39-9d7e-4c1f7d0a55e4");

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

    /// The id for the idempotency key `key` of `caller` (UUIDv5): the same pair always gives the same id.
    #[must_use]
    pub fn for_key(caller: &str, key: &IdempotencyKey) -> Self {
        let namespace = Uuid::new_v5(&NAMESPACE, caller.as_bytes());
        Self(Uuid::new_v5(&namespace, key.as_str().as_bytes()))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> IdempotencyKey {
        text.parse().expect("a valid key")
    }

    #[test]
    fn the_same_caller_and_key_give_the_same_id() {
        let id = MessageId::for_key("alice", &key("order-1"));
        assert_eq!(id, MessageId::for_key("alice", &key("order-1")));
        assert_ne!(id, MessageId::for_key("alice", &key("order-2")));
        assert_ne!(id, MessageId::for_key("bob", &key("order-1")));
    }

    #[test]
    fn the_id_of_a_key_never_changes_between_versions() {
        assert_eq!(
            MessageId::for_key("alice", &key("order-1")).to_string(),
            "9f6d9906-35a5-5d30-a600-948abd2b9c96"
        );
    }

    #[test]
    fn generated_ids_are_ordered_by_time() {
        let ids: Vec<_> = (0..1000).map(|_| MessageId::generate()).collect();
        assert!(ids.is_sorted());
    }
}
