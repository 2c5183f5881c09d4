use std::fmt;
use std::str::FromStr;

/// Declares every channel, with one line for each channel that has a delivery stage: its variant and its
/// name, which is also its field in [`PerChannel`]. Code that must know all channels is generated here or
/// matches on these enums, so that a forgotten channel is a compile error.
macro_rules! channels {
    ($($(#[$doc:meta])* $variant:ident = $name:ident;)+) => {
        /// How a notification reaches its user. In JSON and in the table this is called `type`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Channel {
            /// Shown inside the operator's own application: recording the notification delivers it.
            InApp,
            $($(#[$doc])* $variant,)+
        }

        /// A channel that has a delivery stage, and so a queue, of its own: every channel but in-app.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum DeliveredChannel {
            $($(#[$doc])* $variant,)+
        }

        /// A value for each channel that has a delivery stage.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct PerChannel<T> {
            $($(#[$doc])* pub $name: T,)+
        }

        impl Channel {
            /// Every channel, in the order of the documentation.
            pub const ALL: [Self; 1 + DeliveredChannel::ALL.len()] =
                [Self::InApp, $(Self::$variant,)+];

            /// The name in JSON, in the table and in the broker's `channel` header.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    Self::InApp => "in-app",
                    $(Self::$variant => stringify!($name),)+
                }
            }

            /// The channel's delivery stage; `None` for in-app, which has none.
            #[must_use]
            pub const fn delivered(self) -> Option<DeliveredChannel> {
                match self {
                    Self::InApp => None,
                    $(Self::$variant => Some(DeliveredChannel::$variant),)+
                }
            }
        }

        impl DeliveredChannel {
            /// Every channel that has a delivery stage, in the order of the documentation.
            pub const ALL: [Self; [$(stringify!($name)),+].len()] = [$(Self::$variant,)+];

            /// The channel.
            #[must_use]
            pub const fn channel(self) -> Channel {
                match self {
                    $(Self::$variant => Channel::$variant,)+
                }
            }
        }

        impl<T> PerChannel<T> {
            /// Computes the value of each channel.
            pub fn from_fn(mut value: impl FnMut(DeliveredChannel) -> T) -> Self {
                Self {
                    $($name: value(DeliveredChannel::$variant),)+
                }
            }

            /// The value of `channel`.
            #[must_use]
            pub const fn get(&self, channel: DeliveredChannel) -> &T {
                match channel {
                    $(DeliveredChannel::$variant => &self.$name,)+
                }
            }
        }

        /// Names of all channels, for error messages.
        const NAMES: &str = concat!("in-app" $(, ", ", stringify!($name))+);
    };
}

channels! {
    /// An e-mail.
    Email = email;
    /// A text message.
    Sms = sms;
    /// A push message to a device.
    Push = push;
    /// An HTTP request to a URL of the user.
    Webhook = webhook;
}

impl DeliveredChannel {
    /// The name in JSON, in the table and in the broker's `channel` header.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.channel().as_str()
    }
}

impl From<DeliveredChannel> for Channel {
    fn from(channel: DeliveredChannel) -> Self {
        channel.channel()
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for DeliveredChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no channel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of: {NAMES}")]
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
    fn every_channel_is_parsed_from_its_name() {
        for channel in Channel::ALL {
            assert_eq!(channel.as_str().parse(), Ok(channel));
        }
        assert_eq!("pigeon".parse::<Channel>(), Err(UnknownChannel));
    }

    #[test]
    fn the_error_names_every_channel() {
        assert_eq!(
            UnknownChannel.to_string(),
            "must be one of: in-app, email, sms, push, webhook"
        );
    }

    #[test]
    fn every_channel_but_in_app_has_a_delivery_stage() {
        for channel in Channel::ALL {
            let delivered = channel.delivered();
            assert_eq!(delivered.is_none(), channel == Channel::InApp);
            assert!(delivered.is_none_or(|d| d.channel() == channel));
        }
    }

    #[test]
    fn each_channel_has_a_value_of_its_own() {
        let names = PerChannel::from_fn(DeliveredChannel::as_str);
        for channel in DeliveredChannel::ALL {
            assert_eq!(*names.get(channel), channel.as_str());
        }
        assert_eq!(names.webhook, "webhook");
    }
}
