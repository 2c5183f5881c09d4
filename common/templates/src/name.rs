//! Names of templates.

use std::fmt;
use std::str::FromStr;

/// The name of a template: 1 to 100 of `a-z`, `0-9`, `-`, `_` and `.`, starting with a
/// letter or a digit. The templates of digests have `digest/` before the name of a category.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TemplateName(String);

/// Precedes the names of categories.
const DIGEST: &str = "digest/";

/// The text is not a valid template name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be 1 to 100 of a-z, 0-9, -, _ and ., starting with a letter or a digit; for digests with digest/ before it"
)]
pub struct InvalidName;

impl TemplateName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TemplateName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let name = text.strip_prefix(DIGEST).unwrap_or(text);
        let valid = text.len() <= 100
            && name.bytes().next().is_some_and(alphanumeric)
            && name
                .bytes()
                .all(|byte| alphanumeric(byte) || b"-_.".contains(&byte));
        valid.then(|| Self(text.to_owned())).ok_or(InvalidName)
    }
}

impl fmt::Display for TemplateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_valid_template_names_are_parsed() {
        let long = "x".repeat(100);
        for valid in [
            "welcome",
            "order-shipped",
            "a",
            "7",
            "mail.v2_b",
            "digest/news",
            &long,
        ] {
            assert!(valid.parse::<TemplateName>().is_ok(), "{valid}");
        }
        let longer = "x".repeat(101);
        for invalid in [
            "",
            "-a",
            ".",
            "..",
            "Welcome",
            "a b",
            "ä",
            "a/b",
            "digest/",
            "digest/-",
            "digest/a/b",
            "/a",
            "a\0",
            &longer,
        ] {
            assert_eq!(
                invalid.parse::<TemplateName>(),
                Err(InvalidName),
                "{invalid}"
            );
        }
    }
}
