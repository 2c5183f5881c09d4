//! Records on disk what was posted, accepted and cancelled, and what users changed.

mod cancel_answer;
mod entry;
mod fingerprint;
mod posted_times;
mod user_change;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;

pub use cancel_answer::CancelAnswer;
pub use entry::LedgerEntry;
pub use fingerprint::Fingerprint;
pub use posted_times::{Category, Group, PostedTimes};
pub use user_change::{Choice, DAY, Quiet, UserChange, Window};

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
        let mut line = serde_json::to_string(entry)?;
        line.push('\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(line.as_bytes())
    }

    /// Reads all entries in order.
    pub fn read(&self) -> anyhow::Result<impl Iterator<Item = anyhow::Result<LedgerEntry>>> {
        let file = File::open(&self.path).context("the ledger cannot be read")?;
        Ok(BufReader::new(file).lines().map(|line| {
            let line = line?;
            serde_json::from_str(&line).with_context(|| format!("not a ledger entry: {line:?}"))
        }))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn entries_are_read_back_as_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::create(&folder.path().join("ledger")).expect("a ledger");
        let body = |n: u32| Fingerprint::of(Some(Uuid::nil()), "in-app", &json!({"n": n}));
        let (id, group) = (Uuid::now_v7(), Group(3));
        let times = PostedTimes {
            send_at: Some(Timestamp::now()),
            expires_at: Some(Timestamp::MAX),
            ttl_secs: None,
            group: Some(group),
            category: Some(Category::Orders),
        };
        let user = Uuid::from_u128(4);
        let choice = Choice {
            category: "*".to_owned(),
            channel: "sms".to_owned(),
            enabled: None,
        };
        let entries = [
            LedgerEntry::Attempt {
                body: body(1),
                key: None,
                times: PostedTimes::default(),
            },
            LedgerEntry::Attempt {
                body: body(2),
                key: Some("a-key".to_owned()),
                times,
            },
            LedgerEntry::Accepted {
                body: body(1),
                key: None,
                id,
            },
            LedgerEntry::Accepted {
                body: body(2),
                key: Some("a-key".to_owned()),
                id,
            },
            LedgerEntry::Cancel { id },
            LedgerEntry::Cancelled {
                id,
                answer: CancelAnswer::MaybeSent,
            },
            LedgerEntry::CancelGroup { group },
            LedgerEntry::GroupCancelled {
                group,
                cancelled: 4,
            },
            LedgerEntry::Change {
                user,
                change: UserChange::Choice(choice),
                at: Timestamp::now(),
            },
            LedgerEntry::Change {
                user,
                change: UserChange::Quiet(Quiet::default()),
                at: Timestamp::now(),
            },
            LedgerEntry::Changed {
                user,
                at: Timestamp::now(),
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
        let folder = tempfile::tempdir().expect("a folder");
        for line in [
            "",
            "try",
            "{}",
            r#"{"accepted": {"body": "00"}}"#,
            r#"{"attempt": {"body": "xyz"}}"#,
        ] {
            let path = folder.path().join("ledger");
            std::fs::write(&path, format!("{line}\n")).expect("written");
            let ledger = Ledger {
                file: Mutex::new(File::open(&path).expect("a file")),
                path,
            };
            let read: anyhow::Result<Vec<_>> = ledger.read().expect("a file").collect();
            assert!(read.is_err(), "{line:?}");
        }
    }
}
