use std::fmt;

use crate::TopologyNames;

/// The kinds of events that other programs publish to the exchange `<EXCHANGE_NAME>.events`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// `email.send`: sends an e-mail to an address.
    EmailSend,
    /// `notification.send`: creates a notification, like `POST /api/notifications`.
    NotificationSend,
    /// `user.delete`: requests the deletion of a user.
    UserDelete,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::EmailSend, Self::NotificationSend, Self::UserDelete];

    /// The routing key.
    #[must_use]
    pub const fn routing_key(self) -> &'static str {
        match self {
            Self::EmailSend => "email.send",
            Self::NotificationSend => "notification.send",
            Self::UserDelete => "user.delete",
        }
    }

    /// The kind with this routing key.
    #[must_use]
    pub fn from_routing_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.routing_key() == key)
    }

    /// The name of its [stage](crate::Stage).
    pub(super) const fn stage_name(self) -> &'static str {
        match self {
            Self::EmailSend => "events.email.send",
            Self::NotificationSend => "events.notification.send",
            Self::UserDelete => "events.user.delete",
        }
    }

    /// The name of its queue.
    #[must_use]
    pub fn queue(self, names: &TopologyNames) -> String {
        format!("{}.{}", names.queue, self.stage_name())
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.routing_key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_read_back_from_its_routing_key() {
        for kind in EventKind::ALL {
            let key = kind.routing_key();
            assert_eq!(EventKind::from_routing_key(key), Some(kind));
            assert_eq!(kind.stage_name(), format!("events.{key}"));
        }
        assert_eq!(EventKind::from_routing_key("user.create"), None);
    }
}
