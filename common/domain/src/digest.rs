//! Digests: several notifications in one message.

mod key;
mod message;
mod rule;

pub use key::{DigestKey, InvalidDigestKey};
pub use message::{DigestItem, DigestMessage, MAX_SHOWN_BYTES, MAX_SHOWN_ITEMS, template_name};
pub use rule::{DigestClock, DigestRule};

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How often the notifications of a category are collected to a message. A slower mode is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DigestMode {
    /// Each notification is a message of its own.
    Off,
    /// Those of a short time, which begins with the first.
    Window,
    /// Those until the next time of day that the user has set.
    Daily,
    /// Those until this time on the next Monday.
    Weekly,
}

impl DigestMode {
    /// All modes, from the fastest to the slowest.
    pub const ALL: [Self; 4] = [Self::Off, Self::Window, Self::Daily, Self::Weekly];

    /// The name in JSON and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Window => "window",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
        }
    }
}

impl fmt::Display for DigestMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no mode. The message continues "it …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be off, window, daily or weekly")]
pub struct UnknownDigestMode;

impl FromStr for DigestMode {
    type Err = UnknownDigestMode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|mode| mode.as_str() == text)
            .ok_or(UnknownDigestMode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_back() {
        for mode in DigestMode::ALL {
            assert_eq!(mode.as_str().parse(), Ok(mode));
            assert_eq!(serde_json::json!(mode), mode.as_str());
        }
        assert!(DigestMode::ALL.is_sorted());
        assert_eq!("Daily".parse::<DigestMode>(), Err(UnknownDigestMode));
    }
}
