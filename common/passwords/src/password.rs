use std::fmt;
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;

/// The fewest characters of a new password.
pub const MIN_CHARS: usize = 12;

/// The most characters of a password.
pub const MAX_CHARS: usize = 128;

/// A password to set: 12 to 128 characters, in NFKC, so that every keyboard types the same bytes.
#[derive(Clone)]
pub struct NewPassword(SecretString);

/// A password to verify.
#[derive(Clone)]
pub struct GivenPassword(SecretString);

/// The text is not a password. The message continues "it …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPassword {
    /// A new password is shorter or longer.
    #[error("must have {MIN_CHARS} to {MAX_CHARS} characters")]
    Length,
    /// A password to verify is longer than any that could be set.
    #[error("must have 1 to {MAX_CHARS} characters")]
    GivenLength,
}

impl NewPassword {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

impl GivenPassword {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

impl FromStr for NewPassword {
    type Err = InvalidPassword;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        normal_form(text)
            .filter(|(_, chars)| (MIN_CHARS..=MAX_CHARS).contains(chars))
            .map(|(text, _)| Self(text))
            .ok_or(InvalidPassword::Length)
    }
}

impl FromStr for GivenPassword {
    type Err = InvalidPassword;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        normal_form(text)
            .filter(|(_, chars)| (1..=MAX_CHARS).contains(chars))
            .map(|(text, _)| Self(text))
            .ok_or(InvalidPassword::GivenLength)
    }
}

/// Returns the text in NFKC and its number of characters; `None` if it is much too long.
fn normal_form(text: &str) -> Option<(SecretString, usize)> {
    // Composition may make a text shorter, and compatibility may make it longer: one character becomes at most 18.
    if text.len() > MAX_CHARS * 16 {
        return None;
    }
    let mut normal = String::with_capacity(MAX_CHARS * 4);
    let mut chars = 0;
    for c in text.nfkc().take(MAX_CHARS + 1) {
        normal.push(c);
        chars += 1;
    }
    Some((normal.into(), chars))
}

impl fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewPassword(***)")
    }
}

impl fmt::Debug for GivenPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GivenPassword(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_password_has_12_to_128_characters_of_the_normal_form() {
        for (text, valid) in [
            ("x".repeat(11), false),
            ("x".repeat(12), true),
            ("ü".repeat(128), true),
            ("x".repeat(129), false),
            // Twelve characters and twelve marks are twelve letters.
            ("u\u{308}".repeat(12), true),
            // One character that stands for 18.
            ("\u{fdfa}".to_owned(), true),
            ("x".repeat(100_000), false),
        ] {
            assert_eq!(
                text.parse::<NewPassword>().is_ok(),
                valid,
                "{} bytes",
                text.len()
            );
        }
    }

    #[test]
    fn two_spellings_are_one_password_and_debug_shows_none() {
        let composed: GivenPassword = "p\u{fc}sswort".parse().expect("valid");
        let decomposed: GivenPassword = "pu\u{308}sswort".parse().expect("valid");
        assert_eq!(composed.as_bytes(), decomposed.as_bytes());
        assert_eq!(format!("{composed:?}"), "GivenPassword(***)");
        assert!("".parse::<GivenPassword>().is_err());
    }
}
