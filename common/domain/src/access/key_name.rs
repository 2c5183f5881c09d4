use std::fmt;
use std::str::FromStr;

/// What an API key is for: 1 to 100 characters, none of them a control character, and no white space at either end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyName(String);

/// The text is not the name of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must have 1 to {} characters, no control characters, and no white space at its ends",
    KeyName::MAX_CHARS
)]
pub struct InvalidKeyName;

impl KeyName {
    /// The maximum number of characters.
    pub const MAX_CHARS: usize = 100;

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for KeyName {
    type Err = InvalidKeyName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_valid = (1..=Self::MAX_CHARS).contains(&text.chars().count())
            && !text.contains(char::is_control)
            && text.trim() == text;
        is_valid
            .then(|| Self(text.to_owned()))
            .ok_or(InvalidKeyName)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_1_to_100_characters() {
        let (longest, long) = ("ü".repeat(100), "ü".repeat(101));
        for (text, valid) in [
            ("billing, production", true),
            (longest.as_str(), true),
            (&long, false),
            ("", false),
            (" a", false),
            ("a\nb", false),
        ] {
            assert_eq!(text.parse::<KeyName>().is_ok(), valid, "{text:?}");
        }
    }
}
