//! Idempotency keys.

use std::str::FromStr;

/// The idempotency key of a request, with which a client can safely repeat it: 1 to 255 visible ASCII characters, quoted
/// (`"…"`) or not.
///
/// Source: the header field of draft-ietf-httpapi-idempotency-key-header, whose value is a quoted
/// string. Most clients send the key without quotes, so both forms are the same key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The longest key, in characters, quotes not counted.
    pub const MAX_LENGTH: usize = 255;

    /// The key without quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is not a valid idempotency key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 255 visible ASCII characters, quoted or not")]
pub struct InvalidIdempotencyKey;

impl FromStr for IdempotencyKey {
    type Err = InvalidIdempotencyKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bare = text
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .unwrap_or(text);
        let valid = (1..=Self::MAX_LENGTH).contains(&bare.len())
            && bare.bytes().all(|byte| byte.is_ascii_graphic());
        if valid {
            Ok(Self(bare.to_owned()))
        } else {
            Err(InvalidIdempotencyKey)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_with_and_without_quotes() {
        assert_eq!(
            "\"a-1\"".parse::<IdempotencyKey>(),
            "a-1".parse::<IdempotencyKey>()
        );
    }

    #[test]
    fn a_key_has_at_most_255_characters() {
        assert!("k".repeat(255).parse::<IdempotencyKey>().is_ok());
        assert!(
            format!("\"{}\"", "k".repeat(255))
                .parse::<IdempotencyKey>()
                .is_ok()
        );
        assert!("k".repeat(256).parse::<IdempotencyKey>().is_err());
    }

    #[test]
    fn empty_blank_and_invisible_keys_are_refused() {
        for text in ["", "\"\"", " ", "a b", "tab\t", "naïve", "nul\0"] {
            assert!(text.parse::<IdempotencyKey>().is_err(), "{text:?}");
        }
    }
}
