use std::collections::BTreeSet;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use tidings_domain::access::{ApiKeyId, Scopes};

use super::InvalidToken;
use crate::dashboard::RESERVED_SUBJECT_PREFIX;

/// Claims that issuers use for rights instead of `scope`, as [`bare_name`] returns them.
const RIGHTS_ELSEWHERE: [&str; 5] = ["scope", "scopes", "scp", "permission", "permissions"];

/// The claims of a token. A claim of a wrong type makes the token invalid.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VerifiedClaims {
    user_id: Option<String>,
    sub: Option<String>,
    #[serde(default)]
    scope: ScopeClaim,
    /// When the token expires, in seconds since 1970.
    pub exp: Option<f64>,
    #[expect(dead_code, reason = "deserializing checks the type")]
    nbf: Option<f64>,
    #[serde(flatten)]
    others: Names,
}

/// The claim `scope`.
#[derive(Default)]
enum ScopeClaim {
    #[default]
    Absent,
    Null,
    /// Names separated by spaces.
    Names(String),
}

impl<'de> Deserialize<'de> for ScopeClaim {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Option::deserialize(deserializer)?;
        Ok(names.map_or(Self::Null, Self::Names))
    }
}

/// The names of the members of an object.
#[derive(Default)]
struct Names(BTreeSet<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NamesVisitor;

        impl<'de> Visitor<'de> for NamesVisitor {
            type Value = Names;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                let mut names = Names::default();
                while let Some((name, IgnoredAny)) = map.next_entry()? {
                    names.0.insert(name);
                }
                Ok(names)
            }
        }

        deserializer.deserialize_map(NamesVisitor)
    }
}

impl VerifiedClaims {
    /// The rights that the token states. `unscoped` are the rights of a token that states none.
    pub(super) fn scopes(&self, unscoped: Scopes) -> Result<Scopes, InvalidToken> {
        match &self.scope {
            ScopeClaim::Names(names) => Ok(Scopes::of_claim(names)),
            ScopeClaim::Null => Err(InvalidToken::NullScope),
            ScopeClaim::Absent => {
                let elsewhere =
                    |name: &&String| RIGHTS_ELSEWHERE.contains(&bare_name(name).as_str());
                match self.others.0.iter().find(elsewhere) {
                    Some(name) => Err(InvalidToken::RightsElsewhere(name.clone())),
                    None => Ok(unscoped),
                }
            }
        }
    }

    /// The caller that the token names: `userId`, or `sub`.
    pub(super) fn subject(self) -> Result<String, InvalidToken> {
        let subject = self.user_id.or(self.sub);
        let subject = subject
            .filter(|subject| (1..=255).contains(&subject.len()))
            .ok_or_else(|| InvalidToken::MissingClaim("userId or sub".to_owned()))?;
        let reserved = [ApiKeyId::SUBJECT_PREFIX, RESERVED_SUBJECT_PREFIX];
        if reserved.iter().any(|prefix| subject.starts_with(prefix)) {
            return Err(InvalidToken::ReservedSubject);
        }
        Ok(subject)
    }
}

/// Returns the letters of a claim's name, in lower case, without the namespace that some issuers require
/// (`https://example.com/scope`).
fn bare_name(name: &str) -> String {
    let bare = name.rsplit(['/', ':', '#']).next().unwrap_or(name);
    let letters = bare.chars().filter(|c| c.is_alphabetic());
    letters.flat_map(char::to_lowercase).collect()
}

/// Returns whether the header of a token has the parameter `crit`, whatever its value. The library parses `crit` and
/// ignores it.
pub(super) fn has_critical_header(token: &str) -> bool {
    let header = token.split('.').next().unwrap_or_default();
    let names: Option<Names> = URL_SAFE_NO_PAD
        .decode(header)
        .ok()
        .and_then(|json| serde_json::from_slice(&json).ok());
    names.is_none_or(|names| names.0.contains("crit"))
}
