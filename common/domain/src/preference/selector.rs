use std::fmt;
use std::str::FromStr;

use crate::category::CategoryName;
use crate::notification::Channel;

/// Selects one value, or all of them: `*` in JSON and in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Selector<T> {
    /// All values.
    All,
    /// This value.
    One(T),
}

/// The text of a selector that selects all.
const ALL: &str = "*";

impl Selector<CategoryName> {
    /// The name in JSON and in the table.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::All => ALL,
            Self::One(category) => category.as_str(),
        }
    }
}

impl Selector<Channel> {
    /// The name in JSON and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => ALL,
            Self::One(channel) => channel.as_str(),
        }
    }
}

impl<T: fmt::Display> fmt::Display for Selector<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str(ALL),
            Self::One(value) => value.fmt(f),
        }
    }
}

/// The text is neither a value nor `*`. The message continues "it …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}, or * for all")]
pub struct UnknownSelector<E>(E);

impl<T: FromStr> FromStr for Selector<T> {
    type Err = UnknownSelector<T::Err>;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == ALL {
            return Ok(Self::All);
        }
        text.parse().map(Self::One).map_err(UnknownSelector)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_a_name_or_a_star() {
        assert_eq!("*".parse(), Ok(Selector::<Channel>::All));
        assert_eq!("sms".parse(), Ok(Selector::One(Channel::Sms)));
        assert!("pigeon".parse::<Selector<Channel>>().is_err());
        for text in ["*", "news"] {
            let read: Selector<CategoryName> = text.parse().expect(text);
            assert_eq!((read.as_str(), read.to_string()), (text, text.to_owned()));
        }
        assert!("**".parse::<Selector<CategoryName>>().is_err());
    }
}
