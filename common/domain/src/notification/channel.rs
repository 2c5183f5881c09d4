use std::fmt;
use std::str::FromStr;

/// How a notification reaches its user. In JSON and in the table it is called `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// Shown inside the operator's own application: delivered by being recorded.
    InApp,
    /// An e-mail.
    Email,
    /// A text message.
    Sms,
    /// A push message to a device.
    Push,
    /// An HTTP request to an address of the user's.
    Webhook,
}

impl Channel {
    /// Every channel, in the order in which people are told of them.
    pub const ALL: [Self; 5] = [
        Self::InApp,
        Self::Email,
        Self::Sms,
        Self::Push,
        Self::Webhook,
    ];

    /// The channels that have a delivery stage, and so a queue, of their own.
    pub const DELIVERED: [Self; 4] = [Self::Email, Self::Sms, Self::Push, Self::Webhook];

    /// The name in JSON, in the table and in the broker's `channel` header.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InApp => "in-app",
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Push => "push",
            Self::Webhook => "webhook",
        }
    }

    /// Whether recording the notification is all that its delivery takes.
    #[must_use]
    pub const fn is_delivered_by_recording(self) -> bool {
        matches!(self, Self::InApp)
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no channel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of: in-app, email, sms, push, webhook")]
pub struct UnknownChannel;

impl FromStr for Channel {
    type Err = UnknownChannel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|channel| channel.as_str() == text)
            .ok_or(UnknownChannel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_channel_is_read_back_from_its_name() {
        for channel in Channel::ALL {
            assert_eq!(channel.as_str().parse(), Ok(channel));
        }
        assert_eq!("pigeon".parse::<Channel>(), Err(UnknownChannel));
    }

    #[test]
    fn the_error_names_every_channel() {
        let text = UnknownChannel.to_string();
        assert!(Channel::ALL.iter().all(|c| text.contains(c.as_str())));
    }
}
