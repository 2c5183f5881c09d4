use std::sync::atomic::{AtomicU64, Ordering};

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};

/// What all parts of a message may cost together, in bytes handled: some tenths of a second at worst.
/// A large e-mail (500 KiB) handles each of its bytes a few times.
const BUDGET: u64 = 16 * 1024 * 1024;

/// What a value costs beside its text.
const NODE: u64 = 16;

/// How deep values may be nested: more than JSON may (`serde_json`: 127), and shallow enough for any
/// thread's stack.
const MAX_DEPTH: usize = 140;

/// Counts the work that one instruction of a template can hide: the engine's fuel counts instructions,
/// but one of them can join two texts of any length or compare two lists.
#[derive(Debug)]
pub(super) struct Meter(AtomicU64);

impl Meter {
    pub(super) const fn new() -> Self {
        Self(AtomicU64::new(BUDGET))
    }

    /// Counts `bytes`; refuses where that is more than there is left.
    pub(super) fn charge(&self, bytes: u64) -> Result<(), Error> {
        // One thread alone renders a message; it is atomic since the engine asks for `Sync`.
        let left = self.0.load(Ordering::Relaxed).checked_sub(bytes);
        self.0.store(left.unwrap_or(0), Ordering::Relaxed);
        left.map(drop)
            .ok_or_else(|| Error::from(ErrorKind::OutOfFuel))
    }

    /// Counts a value with all that it holds. Returns how much that was.
    pub(super) fn weigh(&self, value: &Value) -> Result<u64, Error> {
        let before = self.0.load(Ordering::Relaxed);
        self.weigh_nested(value, 0)?;
        Ok(before - self.0.load(Ordering::Relaxed))
    }

    fn weigh_nested(&self, value: &Value, depth: usize) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(ErrorKind::OutOfFuel.into());
        }
        self.charge(NODE + text_len(value))?;
        match value.kind() {
            ValueKind::Seq | ValueKind::Iterable => {
                for item in value.try_iter()?.checked() {
                    self.weigh_nested(&item?, depth + 1)?;
                }
            }
            ValueKind::Map => {
                for key in value.try_iter()?.checked() {
                    let key = key?;
                    self.weigh_nested(&key, depth + 1)?;
                    self.weigh_nested(&value.get_item(&key)?, depth + 1)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What a filter or an operator made: counted, and a list where it was to be computed later, so
    /// that nothing costs anything once it is counted.
    pub(super) fn settled(&self, value: Value) -> Result<Value, Error> {
        let value = if value.kind() == ValueKind::Iterable {
            let mut items = Vec::new();
            for item in value.try_iter()?.checked() {
                self.charge(NODE)?;
                items.push(item?);
            }
            Value::from(items)
        } else {
            value
        };
        self.weigh(&value)?;
        Ok(value)
    }
}

/// A text's bytes; 0 of what is no text.
pub(super) fn text_len(value: &Value) -> u64 {
    let bytes = value
        .as_str()
        .map_or_else(|| value.as_bytes().map_or(0, <[u8]>::len), str::len);
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
