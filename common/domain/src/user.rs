//! Users: the people who receive notifications.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// The name of a user: 1 to 100 characters (at most 400 bytes), none of them a control character, and no white space at
/// either end. Names are compared byte by byte.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Username(String);

/// The text is not a username. The message continues "it …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must have 1 to {} characters, no control characters, and no white space at its ends",
    Username::MAX_CHARS
)]
pub struct InvalidUsername;

impl Username {
    /// The maximum number of characters.
    pub const MAX_CHARS: usize = 100;

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Logs must not contain names.
impl fmt::Debug for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Username(***)")
    }
}

impl FromStr for Username {
    type Err = InvalidUsername;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_valid = (1..=Self::MAX_CHARS).contains(&text.chars().count())
            && !text.contains(char::is_control)
            && text.trim() == text;
        is_valid
            .then(|| Self(text.to_owned()))
            .ok_or(InvalidUsername)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_username_has_1_to_100_characters_and_no_white_space_at_its_ends() {
        let longest = "ü".repeat(100);
        for right in [
            "a",
            "Anna",
            "anna berg",
            "anna@example.com",
            "安娜",
            &longest,
        ] {
            let name = right.parse::<Username>().expect(right);
            assert_eq!(name.as_str(), right);
        }
        let long = "a".repeat(101);
        for wrong in [
            "",
            " ",
            " anna",
            "anna ",
            "anna\u{a0}",
            "an\0na",
            "an\nna",
            &long,
        ] {
            assert_eq!(wrong.parse::<Username>(), Err(InvalidUsername), "{wrong:?}");
        }
        let message = InvalidUsername.to_string();
        assert!(
            message.starts_with("must have 1 to 100 characters"),
            "{message}"
        );
    }
}
