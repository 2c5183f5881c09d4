use lapin::BasicProperties;

use super::event::EventKind;
use super::header::{self, as_text};
use crate::TopologyNames;
use tidings_domain::notification::DeliveredChannel;

/// The stage, and so the queue, to which a message belongs. The header `channel` contains its name, except in an event, which
/// other programs publish. A dead letter of an event has the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Records the notification.
    Intake,
    /// Delivers the notification through a channel.
    Delivery(DeliveredChannel),
    /// Translates the events of other programs into notifications.
    Event(EventKind),
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; Self::COUNT] = {
        let mut all = [Self::Intake; Self::COUNT];
        let mut index = 0;
        while index < DeliveredChannel::ALL.len() {
            all[1 + index] = Self::Delivery(DeliveredChannel::ALL[index]);
            index += 1;
        }
        let mut event = 0;
        while event < EventKind::ALL.len() {
            all[1 + index + event] = Self::Event(EventKind::ALL[event]);
            event += 1;
        }
        all
    };

    const COUNT: usize = 1 + DeliveredChannel::ALL.len() + EventKind::ALL.len();

    /// The value of the header `channel`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Intake => "intake",
            Self::Delivery(channel) => channel.as_str(),
            Self::Event(kind) => kind.stage_name(),
        }
    }

    /// Reads the value of the header `channel`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == name)
    }

    /// Reads the header `channel` of a message.
    #[must_use]
    pub fn of(properties: &BasicProperties) -> Option<Self> {
        let value = properties
            .headers()
            .as_ref()?
            .inner()
            .get(header::CHANNEL)?;
        Self::from_name(as_text(value)?)
    }

    /// The name of its queue.
    #[must_use]
    pub fn queue(self, names: &TopologyNames) -> String {
        match self {
            Self::Intake => names.queue.clone(),
            Self::Delivery(channel) => names.channel_queue(channel),
            Self::Event(kind) => kind.queue(names),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_destination_is_read_back_from_its_name() {
        for stage in Stage::ALL {
            assert_eq!(Stage::from_name(stage.as_str()), Some(stage));
        }
        assert_eq!(Stage::from_name("in-app"), None);
    }
}
