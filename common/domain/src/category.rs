//! Categories of notifications, by which users choose what they receive.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of a category: 1 to 64 lower-case ASCII letters, digits, `-`, `_` and `.`, beginning with a letter or a digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct CategoryName(String);

impl CategoryName {
    /// The longest name, in characters.
    pub const MAX_LENGTH: usize = 64;

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The built-in critical category of messages about the security of an account. It cannot be changed or deleted.
    #[must_use]
    pub fn security() -> Self {
        Self("security".to_owned())
    }
}

/// The longest label of a category, in characters.
pub const MAX_LABEL: usize = 100;

/// The longest description of a category, in characters.
pub const MAX_DESCRIPTION: usize = 1000;

impl fmt::Display for CategoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is not the name of a category. The message continues "it …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be 1 to {} lower-case ASCII letters, digits, hyphens, underscores and dots, beginning with a letter or a digit",
    CategoryName::MAX_LENGTH
)]
pub struct InvalidCategoryName;

impl TryFrom<String> for CategoryName {
    type Error = InvalidCategoryName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for CategoryName {
    type Err = InvalidCategoryName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_allowed = |byte: u8| is_plain(byte) || matches!(byte, b'-' | b'_' | b'.');
        let is_valid = text.len() <= Self::MAX_LENGTH
            && text.bytes().next().is_some_and(is_plain)
            && text.bytes().all(is_allowed);
        is_valid
            .then(|| Self(text.to_owned()))
            .ok_or(InvalidCategoryName)
    }
}

/// What a category is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CategoryKind {
    /// Sent whatever the user has chosen, and never limited.
    Critical,
    /// What the user needs to use the service.
    #[default]
    Transactional,
    /// Can always be unsubscribed.
    Marketing,
}

impl CategoryKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Critical, Self::Transactional, Self::Marketing];

    /// The name in JSON and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Transactional => "transactional",
            Self::Marketing => "marketing",
        }
    }
}

impl fmt::Display for CategoryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no kind. The message continues "it …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be critical, transactional or marketing")]
pub struct UnknownCategoryKind;

impl FromStr for CategoryKind {
    type Err = UnknownCategoryKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.as_str() == text)
            .ok_or(UnknownCategoryKind)
    }
}

/// How many notifications of a category each user gets by a channel, at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Throttle {
    /// How many.
    pub limit: u32,
    /// The seconds in which they count. They end now.
    pub window_secs: u32,
    /// A member of the payload: each of its values has a limit of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl Throttle {
    /// The largest limit. All that counts is read for each delivery.
    pub const MAX_LIMIT: u32 = 10_000;

    /// The longest window: 31 days.
    pub const MAX_WINDOW_SECS: u32 = 31 * 86_400;

    /// The longest key, in characters.
    pub const MAX_KEY: usize = 64;
}

/// What quiet hours mean for a category.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum QuietRule {
    /// Its notifications wait for the end of the quiet hours.
    #[default]
    Obey,
    /// Its notifications are sent at any time.
    Ignore,
}

impl QuietRule {
    /// The name in JSON and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Obey => "obey",
            Self::Ignore => "ignore",
        }
    }
}

/// Whether quiet hours hold the notifications of a category of this kind, or those without one (`None`).
#[must_use]
pub const fn obeys_quiet_hours(category: Option<(CategoryKind, QuietRule)>) -> bool {
    matches!(
        category,
        None | Some((
            CategoryKind::Transactional | CategoryKind::Marketing,
            QuietRule::Obey
        ))
    )
}

/// The text names no rule. The message continues "it …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be obey or ignore")]
pub struct UnknownQuietRule;

impl FromStr for QuietRule {
    type Err = UnknownQuietRule;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "obey" => Ok(Self::Obey),
            "ignore" => Ok(Self::Ignore),
            _ => Err(UnknownQuietRule),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_1_to_64_plain_characters() {
        for text in ["a", "order-updates", "0", "news.weekly_de", &"k".repeat(64)] {
            let name: CategoryName = text.parse().expect(text);
            assert_eq!(name.as_str(), text);
        }
        for text in [
            "",
            "*",
            "-a",
            ".a",
            "_a",
            "News",
            "a b",
            "ä",
            "a\0",
            "a/b",
            &"k".repeat(65),
        ] {
            assert_eq!(
                text.parse::<CategoryName>(),
                Err(InvalidCategoryName),
                "{text:?}"
            );
        }
        assert_eq!("security".parse(), Ok(CategoryName::security()));
    }

    #[test]
    fn kinds_and_rules_are_read_back() {
        for kind in CategoryKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        for rule in [QuietRule::Obey, QuietRule::Ignore] {
            assert_eq!(rule.as_str().parse(), Ok(rule));
        }
        assert!("".parse::<CategoryKind>().is_err() && "Obey".parse::<QuietRule>().is_err());
    }
}
