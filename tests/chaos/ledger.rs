//! Records on disk what was posted and what was accepted.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The first half of a SHA-256 of a notification's user, channel and payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(u128);

impl Fingerprint {
    /// Computes the fingerprint of a body or of its row. Ignores the order of members and white space, which
    /// `jsonb` does not keep.
    pub fn of(user: Uuid, channel: &str, payload: &Value) -> Self {
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

impl FromStr for Fingerprint {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u128::from_str_radix(text, 16).map(Self)
    }
}

/// An entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerEntry {
    /// A body is about to be posted.
    Attempt {
        body: Fingerprint,
        key: Option<String>,
    },
    /// A body was answered with 202.
    Accepted {
        body: Fingerprint,
        key: Option<String>,
        id: Uuid,
    },
}

/// Represents a missing idempotency key.
const NO_KEY: &str = "-";

impl fmt::Display for LedgerEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_none = |key: &Option<String>| key.clone().unwrap_or_else(|| NO_KEY.to_owned());
        match self {
            Self::Attempt { body, key } => write!(f, "attempt {body} {}", or_none(key)),
            Self::Accepted { body, key, id } => {
                write!(f, "202 {body} {} {id}", or_none(key))
            }
        }
    }
}

impl FromStr for LedgerEntry {
    type Err = anyhow::Error;

    fn from_str(line: &str) -> anyhow::Result<Self> {
        let fields: Vec<_> = line.split(' ').collect();
        let own = |key: &str| (key != NO_KEY).then(|| key.to_owned());
        match fields[..] {
            ["attempt", body, key] => Ok(Self::Attempt {
                body: body.parse()?,
                key: own(key),
            }),
            ["202", body, key, id] => Ok(Self::Accepted {
                body: body.parse()?,
                key: own(key),
                id: id.parse()?,
            }),
            _ => anyhow::bail!("not a ledger entry: {line:?}"),
        }
    }
}

/// An append-only file. This program is never killed during a run, so an entry is safe once the operating
/// system has it.
pub struct Ledger {
    path: PathBuf,
    file: Mutex<File>,
}

impl Ledger {
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: Mutex::new(File::create_new(path)?),
        })
    }

    /// Appends an entry. An attempt must be recorded before it is sent, and a 202 before it is counted.
    pub fn append(&self, entry: &LedgerEntry) -> io::Result<()> {
        let line = format!("{entry}\n");
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(line.as_bytes())
    }

    /// Reads all entries in order.
    pub fn read(&self) -> anyhow::Result<impl Iterator<Item = anyhow::Result<LedgerEntry>>> {
        let file = File::open(&self.path).context("the ledger cannot be read")?;
        Ok(BufReader::new(file).lines().map(|line| line?.parse()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn entries_are_read_back_as_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::create(&folder.path().join("ledger")).expect("a ledger");
        let body = |n: u32| Fingerprint::of(Uuid::nil(), "in-app", &json!({"n": n}));
        let entries = [
            LedgerEntry::Attempt {
                body: body(1),
                key: None,
            },
            LedgerEntry::Attempt {
                body: body(2),
                key: Some("a-key".to_owned()),
            },
            LedgerEntry::Accepted {
                body: body(1),
                key: None,
                id: Uuid::now_v7(),
            },
            LedgerEntry::Accepted {
                body: body(2),
                key: Some("a-key".to_owned()),
                id: Uuid::now_v7(),
            },
        ];
        for entry in &entries {
            ledger.append(entry).expect("written");
        }
        let read: anyhow::Result<Vec<_>> = ledger.read().expect("a file").collect();
        assert_eq!(read.expect("entries"), entries);
    }

    #[test]
    fn a_malformed_line_is_an_error() {
        for line in ["", "try", "202 00 -", "try xyz -", "202 00 - 7"] {
            assert!(line.parse::<LedgerEntry>().is_err(), "{line:?}");
        }
    }

    #[test]
    fn a_fingerprint_differs_exactly_if_the_jsonb_values_differ() {
        let print = |user, channel, text| {
            let payload = serde_json::from_str(text).expect("JSON");
            Fingerprint::of(user, channel, &payload)
        };
        let user = Uuid::from_u128(1);
        let first = print(user, "email", r#"{"a": 1, "b": [true, "ü"]}"#);
        let same = print(user, "email", r#"{"b":[true,"\u00fc"],"a":1}"#);
        assert_eq!(first, same);
        for other in [
            print(Uuid::from_u128(2), "email", r#"{"a": 1, "b": [true, "ü"]}"#),
            print(user, "sms", r#"{"a": 1, "b": [true, "ü"]}"#),
            print(user, "email", r#"{"a": 2, "b": [true, "ü"]}"#),
            print(user, "email", r#"{"a": 1, "b": ["ü", true]}"#),
        ] {
            assert_ne!(first, other);
        }
    }
}
