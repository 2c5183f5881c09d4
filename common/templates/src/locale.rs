//! Languages of templates.

use std::fmt;
use std::str::FromStr;

/// The language of a template: `language`, with a script, a region and variants if need be (BCP 47, RFC 5646 §2.1), in
/// canonical spelling, such as `de`, `de-AT`, `zh-Hant`, `zh-Hant-TW` or `ca-ES-valencia`; or `default`, which is used
/// if no other language matches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Locale(String);

/// The text is not a language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a language such as de, de-AT or zh-Hant, or default")]
pub struct InvalidLocale;

const DEFAULT: &str = "default";

impl Locale {
    /// `default`.
    #[must_use]
    pub fn fallback() -> Self {
        Self(DEFAULT.to_owned())
    }

    /// The locale.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The locales to try for the requested language `wanted`, best first: `zh-Hant-TW`, `zh-Hant`, `zh`,
    /// `default` (RFC 4647 §3.4, lookup). Only `default` if `wanted` is not a language.
    #[must_use]
    pub fn candidates(wanted: Option<&str>) -> Vec<String> {
        let mut candidates = Vec::new();
        let mut tag = wanted.map(canonical).unwrap_or_default();
        while !tag.is_empty() && tag != DEFAULT {
            candidates.push(tag.clone());
            tag.truncate(tag.rfind('-').unwrap_or(0));
        }
        candidates.push(DEFAULT.to_owned());
        candidates
    }
}

/// A language tag in canonical format (RFC 5646 §2.1.1): the language in lower case, the script capitalized, the region in
/// upper case. An underscore counts as a hyphen, because many systems use it. Empty if the text is not a tag.
fn canonical(tag: &str) -> String {
    let subtags: Vec<&str> = tag.split(['-', '_']).collect();
    let valid = |subtag: &&str| {
        (1..=8).contains(&subtag.len()) && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    if tag.len() > 35 || !subtags.iter().all(valid) {
        return String::new();
    }
    let spelled = subtags.iter().enumerate().map(|(place, subtag)| {
        let letters = subtag.bytes().all(|byte| byte.is_ascii_alphabetic());
        match (place, subtag.len()) {
            (1.., 2) if letters => subtag.to_ascii_uppercase(),
            (1.., 4) if letters => {
                let (first, rest) = subtag.split_at(1);
                first.to_ascii_uppercase() + &rest.to_ascii_lowercase()
            }
            _ => subtag.to_ascii_lowercase(),
        }
    });
    spelled.collect::<Vec<_>>().join("-")
}

impl FromStr for Locale {
    type Err = InvalidLocale;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let tag = canonical(text);
        if tag == DEFAULT {
            return Ok(Self(tag));
        }
        let mut subtags = tag.split('-').peekable();
        let letters = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphabetic());
        let language = |text: &&str| (2..=3).contains(&text.len()) && letters(text);
        let script = |text: &&str| text.len() == 4 && letters(text);
        let region = |text: &&str| {
            text.len() == 2 && letters(text)
                || text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        if subtags.next_if(language).is_none() {
            return Err(InvalidLocale);
        }
        subtags.next_if(script);
        subtags.next_if(region);
        let variant = |text: &&str| {
            text.len() >= 5
                || text.len() == 4 && text.starts_with(|first: char| first.is_ascii_digit())
        };
        while subtags.next_if(variant).is_some() {}
        match subtags.next() {
            None => Ok(Self(tag)),
            Some(_) => Err(InvalidLocale),
        }
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales_are_kept_in_canonical_spelling() {
        for (text, spelled) in [
            ("de", "de"),
            ("DE-at", "de-AT"),
            ("de_AT", "de-AT"),
            ("zh-hANT", "zh-Hant"),
            ("zh-hant-tw", "zh-Hant-TW"),
            ("es-419", "es-419"),
            ("default", "default"),
            ("gsw", "gsw"),
            ("ca_es_VALENCIA", "ca-ES-valencia"),
            ("de-DE-1996", "de-DE-1996"),
            ("sl-rozaj-biske-1994", "sl-rozaj-biske-1994"),
        ] {
            let locale = text.parse::<Locale>().expect(text);
            assert_eq!(locale.as_str(), spelled);
        }
        for text in [
            "",
            "d",
            "german",
            "de-",
            "-de",
            "de-A",
            "de-AT-Latn",
            "de-AT-x",
            "de AT",
            "dé",
            "de-1a",
            "de-u-co-phonebk",
            "4de",
            "default-de",
        ] {
            assert_eq!(text.parse::<Locale>(), Err(InvalidLocale), "{text}");
        }
    }

    #[test]
    fn a_locale_falls_back_to_shorter_ones_and_finally_to_the_default() {
        for (wanted, expected) in [
            (Some("de-AT"), "de-AT de default"),
            (Some("de_at"), "de-AT de default"),
            (Some("zh-Hant-TW"), "zh-Hant-TW zh-Hant zh default"),
            (Some("ca-ES-valencia"), "ca-ES-valencia ca-ES ca default"),
            (Some("default"), "default"),
            (Some(""), "default"),
            (Some("not a language"), "default"),
            (None, "default"),
        ] {
            assert_eq!(Locale::candidates(wanted).join(" "), expected);
        }
    }
}
