//! Preferences: what users, and recipients without an account, choose to receive.

mod address_hash;
mod precedence;
mod recipient;
mod selector;
mod source;

pub use address_hash::AddressHash;
pub use precedence::{Because, Choices, Effective, Place};
pub use recipient::Recipient;
pub use selector::{Selector, UnknownSelector};
pub use source::{PreferenceSource, UnknownPreferenceSource};

use crate::category::CategoryName;
use crate::notification::Channel;

/// Selects one category, or all notifications.
pub type CategorySelector = Selector<CategoryName>;

/// Selects one channel, or all channels.
pub type ChannelSelector = Selector<Channel>;

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
