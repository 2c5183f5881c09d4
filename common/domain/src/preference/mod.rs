//! Preferences: what users, and recipients without an account, choose to receive.

mod address_hash;
mod precedence;
mod recipient;
mod selector;
mod source;
mod subject;

pub use address_hash::AddressHash;
pub use precedence::{Because, Choices, Effective, Place};
pub use recipient::Recipient;
pub use selector::{CategorySelector, ChannelSelector, UnknownSelector};
pub use source::{PreferenceSource, UnknownPreferenceSource};
pub use subject::Subject;

use crate::notification::DeliveredChannel;

/// A choice to make or to take back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewChoice {
    /// The notifications that it is about.
    pub category: CategorySelector,
    /// The channels that it is about.
    pub channel: ChannelSelector,
    /// Whether they are wanted; `None` takes an earlier choice back.
    pub enabled: Option<bool>,
}

/// The channels by which something may not be sent any more after these choices.
#[must_use]
pub fn stopped_channels(choices: &[NewChoice]) -> Vec<DeliveredChannel> {
    let stops = |channel: &DeliveredChannel| {
        let mut choices = choices.iter();
        choices.any(|one| one.enabled != Some(true) && one.channel.includes((*channel).into()))
    };
    DeliveredChannel::ALL.into_iter().filter(stops).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_not_a_wish_may_stop_its_channels() {
        let choice = |channel: &str, enabled| NewChoice {
            category: CategorySelector::All,
            channel: channel.parse().expect(channel),
            enabled,
        };
        let sms = [
            choice("sms", None),
            choice("email", Some(true)),
            choice("in-app", Some(false)),
        ];
        assert_eq!(stopped_channels(&sms), [DeliveredChannel::Sms]);
        let all = stopped_channels(&[choice("*", Some(false))]);
        assert_eq!(all, DeliveredChannel::ALL);
    }
}
