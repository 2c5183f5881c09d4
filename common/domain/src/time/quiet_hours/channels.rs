use std::str::FromStr;

use crate::notification::{Channel, DeliveredChannel};

/// The channels that quiet hours hold. In-app notifications disturb nobody, and webhooks go to programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuietChannels(Vec<DeliveredChannel>);

/// The text names no channel that quiet hours can hold. The message continues "it …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a list of different channels: push, sms and email")]
pub struct InvalidQuietChannel;

/// Push and text messages.
impl Default for QuietChannels {
    fn default() -> Self {
        Self(vec![DeliveredChannel::Push, DeliveredChannel::Sms])
    }
}

impl QuietChannels {
    /// Reads the names of channels.
    ///
    /// # Errors
    ///
    /// Returns an error if a name is not that of such a channel, or if there are two of one channel.
    pub fn read<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidQuietChannel> {
        let mut channels = Vec::new();
        for name in names {
            let channel = Channel::from_str(name).ok().and_then(Channel::delivered);
            let channel = channel.ok_or(InvalidQuietChannel)?;
            if channel == DeliveredChannel::Webhook || channels.contains(&channel) {
                return Err(InvalidQuietChannel);
            }
            channels.push(channel);
        }
        Ok(Self(channels))
    }

    /// Whether quiet hours hold the notifications of `channel`.
    #[must_use]
    pub fn contains(&self, channel: DeliveredChannel) -> bool {
        self.0.contains(&channel)
    }

    /// The names.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|channel| channel.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_app_and_webhook_are_never_quiet() {
        assert_eq!(QuietChannels::default().names(), ["push", "sms"]);
        for right in [&[][..], &["email"], &["sms", "email", "push"]] {
            let channels = QuietChannels::read(right.iter().copied()).expect("channels");
            assert_eq!(channels.names(), right);
        }
        for wrong in [&["in-app"][..], &["webhook"], &["fax"], &["sms", "sms"]] {
            let read = QuietChannels::read(wrong.iter().copied());
            assert_eq!(read, Err(InvalidQuietChannel), "{wrong:?}");
        }
    }
}
