use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use lapin::BasicProperties;

use super::header;

/// Maximum number of keys that are read from a message. A user has at most 20 webhook endpoints.
const MAX_KEYS: usize = 64;

/// Identifies what a message waits for, without containing it: a hash, because URLs can contain secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WaitKey(u128);

impl WaitKey {
    /// Creates a key from the first bits of a cryptographic hash.
    #[must_use]
    pub const fn new(hash: u128) -> Self {
        Self(hash)
    }
}

impl fmt::Display for WaitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The text is not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a key of 32 hexadecimal digits")]
pub struct InvalidWaitKey;

impl FromStr for WaitKey {
    type Err = InvalidWaitKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 32 {
            return Err(InvalidWaitKey);
        }
        let hash = u128::from_str_radix(text, 16).map_err(|_| InvalidWaitKey)?;
        Ok(Self(hash))
    }
}

/// What a message waits for. A worker that knows that none of it is available defers the message without reading its
/// row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WaitsFor {
    /// The message can be sent as soon as one of these is available. Empty if that is not known.
    pub keys: Vec<WaitKey>,
    /// When a worker last read the row, or first deferred the message without reading it.
    pub row_read_at: Option<Timestamp>,
}

impl WaitsFor {
    /// Creates a value for a message that has not been deferred yet.
    #[must_use]
    pub fn key(key: WaitKey) -> Self {
        Self {
            keys: vec![key],
            row_read_at: None,
        }
    }

    /// Reads the headers of a message; `None` if they are missing or invalid.
    pub(super) fn read(properties: &BasicProperties) -> Option<Self> {
        let headers = properties.headers().as_ref()?.inner();
        let text = |name: &str| header::as_text(headers.get(name)?);
        let mut keys = Vec::new();
        for key in text(header::WAITS_FOR)?.split(' ') {
            if keys.len() == MAX_KEYS {
                return None;
            }
            keys.push(key.parse().ok()?);
        }
        let row_read_at = text(header::ROW_READ_AT).and_then(|time| time.parse().ok());
        Some(Self { keys, row_read_at })
    }

    /// The header values, by name.
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        if self.keys.is_empty() {
            return Vec::new();
        }
        let keys: Vec<String> = self.keys.iter().map(ToString::to_string).collect();
        let mut headers = vec![(header::WAITS_FOR, keys.join(" "))];
        headers.extend(
            self.row_read_at
                .map(|time| (header::ROW_READ_AT, time.to_string())),
        );
        headers
    }
}
