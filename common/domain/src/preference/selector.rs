use std::fmt;
use std::str::FromStr;

use crate::category::{CategoryName, InvalidCategoryName};
use crate::notification::Channel;

/// The notifications that a choice is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CategorySelector {
    /// All notifications: `*` in JSON and in the table.
    All,
    /// Those of each marketing category, also of one that is created later, about which nothing else is chosen for the same
    /// channels: `*marketing`.
    Marketing,
    /// Those of this category.
    One(CategoryName),
}

/// Selects one channel, or all of them: `*` in JSON and in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChannelSelector {
    /// All channels.
    All,
    /// This channel.
    One(Channel),
}

/// The text of a selector that selects all.
const ALL: &str = "*";

/// The text of [`CategorySelector::Marketing`]. No category can have this name.
const MARKETING: &str = "*marketing";

impl CategorySelector {
    /// The name in JSON and in the table.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::All => ALL,
            Self::Marketing => MARKETING,
            Self::One(category) => category.as_str(),
        }
    }
}

impl ChannelSelector {
    /// The name in JSON and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => ALL,
            Self::One(channel) => channel.as_str(),
        }
    }

    /// Whether it selects `channel`.
    #[must_use]
    pub fn includes(self, channel: Channel) -> bool {
        match self {
            Self::All => true,
            Self::One(one) => one == channel,
        }
    }
}

impl fmt::Display for CategorySelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for ChannelSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text selects nothing. The message continues "it …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownSelector<E> {
    /// It is no category.
    #[error("{0}, * for all, or *marketing for all marketing")]
    Category(E),
    /// It is no channel.
    #[error("{0}, or * for all")]
    Channel(E),
}

impl FromStr for CategorySelector {
    type Err = UnknownSelector<InvalidCategoryName>;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            ALL => Ok(Self::All),
            MARKETING => Ok(Self::Marketing),
            name => name
                .parse()
                .map(Self::One)
                .map_err(UnknownSelector::Category),
        }
    }
}

impl FromStr for ChannelSelector {
    type Err = UnknownSelector<<Channel as FromStr>::Err>;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == ALL {
            return Ok(Self::All);
        }
        text.parse()
            .map(Self::One)
            .map_err(UnknownSelector::Channel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_a_name_or_a_star() {
        assert_eq!("*".parse(), Ok(ChannelSelector::All));
        assert_eq!("sms".parse(), Ok(ChannelSelector::One(Channel::Sms)));
        assert!("pigeon".parse::<ChannelSelector>().is_err());
        for text in ["*", "*marketing", "news", "marketing"] {
            let read: CategorySelector = text.parse().expect(text);
            assert_eq!((read.as_str(), read.to_string()), (text, text.to_owned()));
        }
        for text in ["**", "*Marketing", "*news", ""] {
            assert!(text.parse::<CategorySelector>().is_err(), "{text}");
        }
    }
}
