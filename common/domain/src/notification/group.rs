//! Groups of notifications.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The key of a group of notifications that its sender can cancel together: 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct GroupKey(String);

impl GroupKey {
    /// The longest key, in characters.
    pub const MAX_LENGTH: usize = 255;

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is not the key of a group. The message continues "it …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 255 visible ASCII characters")]
pub struct InvalidGroupKey;

impl TryFrom<String> for GroupKey {
    type Error = InvalidGroupKey;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for GroupKey {
    type Err = InvalidGroupKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let valid = (1..=Self::MAX_LENGTH).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidGroupKey)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_1_to_255_visible_ascii_characters() {
        for text in ["a", "order:1842/reminder", "\"quoted\"", &"k".repeat(255)] {
            let key: GroupKey = text.parse().expect(text);
            assert_eq!(key.as_str(), text);
        }
        for text in ["", " ", "a b", "tab\t", "naïve", "nul\0", &"k".repeat(256)] {
            assert_eq!(text.parse::<GroupKey>(), Err(InvalidGroupKey), "{text:?}");
        }
    }
}
