use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The key of a digest: notifications of a category with different keys are collected apart. 1 to 255 visible ASCII
/// characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct DigestKey(String);

impl DigestKey {
    /// The longest key, in characters.
    pub const MAX_LENGTH: usize = 255;

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is not the key of a digest. The message continues "it …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 255 visible ASCII characters")]
pub struct InvalidDigestKey;

impl TryFrom<String> for DigestKey {
    type Error = InvalidDigestKey;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for DigestKey {
    type Err = InvalidDigestKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_valid = (1..=Self::MAX_LENGTH).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_valid
            .then(|| Self(text.to_owned()))
            .ok_or(InvalidDigestKey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_1_to_255_visible_ascii_characters() {
        for text in ["a", "document:1842/comments", &"k".repeat(255)] {
            let key: DigestKey = text.parse().expect(text);
            assert_eq!(key.as_str(), text);
        }
        for text in ["", " ", "a b", "naïve", "nul\0", &"k".repeat(256)] {
            assert_eq!(text.parse::<DigestKey>(), Err(InvalidDigestKey), "{text:?}");
        }
    }
}
