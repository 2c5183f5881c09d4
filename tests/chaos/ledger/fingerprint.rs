use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The first half of a SHA-256 of a notification's user, if there is one, channel and payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Fingerprint(u128);

impl Fingerprint {
    /// Computes the fingerprint of a body or of its row. Ignores the order of members and white space, which
    /// `jsonb` does not keep.
    pub fn of(user: Option<Uuid>, channel: &str, payload: &Value) -> Self {
        let user = user.map_or_else(|| "nobody".to_owned(), |user| user.to_string());
        // The members of a `Value` are sorted by name.
        let text = format!("{user} {channel} {payload}");
        let [high, _] = halves(Sha256::digest(text).into());
        Self(high)
    }
}

fn halves(hash: [u8; 32]) -> [u128; 2] {
    let (halves, _) = hash.as_chunks();
    [0, 1].map(|half| u128::from_be_bytes(halves[half]))
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        u128::from_str_radix(&text, 16).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_differs_exactly_if_the_jsonb_values_differ() {
        let print = |user, channel, text| {
            let payload = serde_json::from_str(text).expect("JSON");
            Fingerprint::of(user, channel, &payload)
        };
        let user = Some(Uuid::from_u128(1));
        let first = print(user, "email", r#"{"a": 1, "b": [true, "ü"]}"#);
        let same = print(user, "email", r#"{"b":[true,"\u00fc"],"a":1}"#);
        assert_eq!(first, same);
        for other in [
            print(
                Some(Uuid::from_u128(2)),
                "email",
                r#"{"a": 1, "b": [true, "ü"]}"#,
            ),
            print(None, "email", r#"{"a": 1, "b": [true, "ü"]}"#),
            print(user, "sms", r#"{"a": 1, "b": [true, "ü"]}"#),
            print(user, "email", r#"{"a": 2, "b": [true, "ü"]}"#),
            print(user, "email", r#"{"a": 1, "b": ["ü", true]}"#),
        ] {
            assert_ne!(first, other);
        }
    }
}
