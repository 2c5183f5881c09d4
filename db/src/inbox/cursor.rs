use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::position::SeenPosition;
use super::snapshot::Snapshot;

/// The first byte of a position, and of a cursor.
const POSITION: u8 = 1;
const CURSOR: u8 = 2;

/// No text of ours is longer.
const MAX_TEXT: usize = 4096;

/// The text is no position in an inbox, and no cursor of its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a value that an earlier response or event contained, unchanged")]
pub struct InvalidPosition;

/// The position after the last row of a page, with what the first page had seen: what a client marks as read must be what it
/// was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxCursor {
    pub(super) position: SeenPosition,
    /// The id of the row. `None` in the text of a position.
    pub(super) after: Option<Uuid>,
}

impl InboxCursor {
    /// The text form of a position, or of a cursor.
    pub(super) fn text(position: &SeenPosition, after: Option<Uuid>) -> String {
        let mut bytes = vec![if after.is_some() { CURSOR } else { POSITION }];
        bytes.extend(position.epoch.to_be_bytes());
        bytes.extend(after.iter().flat_map(Uuid::as_bytes));
        position.snapshot.encode(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads the text form of a cursor, or of a position, which names no row.
    pub(super) fn read(text: &str) -> Option<Self> {
        if text.len() > MAX_TEXT {
            return None;
        }
        Self::decode(&URL_SAFE_NO_PAD.decode(text).ok()?)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (kind, bytes) = bytes.split_first()?;
        let (epoch, mut bytes) = bytes.split_first_chunk()?;
        let after = match *kind {
            POSITION => None,
            CURSOR => {
                let (id, rest) = bytes.split_first_chunk()?;
                bytes = rest;
                Some(Uuid::from_bytes(*id))
            }
            _ => return None,
        };
        Some(Self {
            position: SeenPosition {
                epoch: u64::from_be_bytes(*epoch),
                snapshot: Snapshot::decode(bytes)?,
            },
            after,
        })
    }
}

impl fmt::Display for InboxCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Self::text(&self.position, self.after))
    }
}

impl FromStr for InboxCursor {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let cursor = Self::read(text).filter(|cursor| cursor.after.is_some());
        cursor.ok_or(InvalidPosition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(text: &str) -> SeenPosition {
        SeenPosition {
            epoch: u64::MAX - 7,
            snapshot: Snapshot::parse(text).expect("a snapshot"),
        }
    }

    #[test]
    fn a_position_and_a_cursor_survive_their_text_forms() {
        let seen = position("10:20:14,19");
        assert_eq!(seen.to_string().parse(), Ok(seen.clone()));
        let cursor = InboxCursor {
            position: seen.clone(),
            after: Some(Uuid::now_v7()),
        };
        assert_eq!(cursor.to_string().parse(), Ok(cursor.clone()));
        let (no_position, no_cursor) = (cursor.to_string(), seen.to_string());
        assert_eq!(no_position.parse::<SeenPosition>(), Err(InvalidPosition));
        assert_eq!(no_cursor.parse::<InboxCursor>(), Err(InvalidPosition));
        // The widest numbers that a snapshot can contain: ids that are far apart.
        let far: Vec<String> = (1..=256u64)
            .map(|nth| (nth * (1 << 54)).to_string())
            .collect();
        let widest = position(&format!("1:{}:{}", i64::MAX, far.join(",")));
        assert!(widest.to_string().len() <= MAX_TEXT);
        assert_eq!(widest.to_string().parse(), Ok(widest.clone()));
    }

    #[test]
    fn other_texts_are_refused() {
        let valid = position("10:20:14,19").to_string();
        for text in [
            "",
            "x",
            "AQ",
            "10:20:14,19",
            "0:0:",
            &valid[..valid.len() - 4],
            &format!("{valid}AAAA"),
            &format!("{valid}="),
            &"A".repeat(MAX_TEXT + 4),
            &URL_SAFE_NO_PAD.encode([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            &URL_SAFE_NO_PAD.encode([3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]),
        ] {
            assert_eq!(text.parse::<SeenPosition>(), Err(InvalidPosition), "{text}");
        }
    }
}
