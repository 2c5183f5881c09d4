//! Counts the cost of rendering.

use std::sync::atomic::{AtomicU64, Ordering};

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};

use super::numbers::exact_digits;

/// The cost limit for all parts of a message together, in processed bytes: at most some tenths of a second. A large
/// e-mail (500 KiB) processes each of its bytes a few times.
const BUDGET: u64 = 16 * 1024 * 1024;

/// The cost of a value in addition to its text.
const NODE: u64 = 16;

/// The maximum nesting of values: more than JSON allows (`serde_json`: 127), and safe for the stack of a thread.
const MAX_DEPTH: usize = 140;

/// Counts the cost within single instructions. The fuel of the engine counts only instructions, but one instruction can
/// join two texts of any length or compare two lists.
#[derive(Debug)]
pub(super) struct Meter(AtomicU64);

impl Meter {
    pub(super) const fn new() -> Self {
        Self(AtomicU64::new(BUDGET))
    }

    /// Counts `bytes`. Fails if the limit is exceeded.
    pub(super) fn charge(&self, bytes: u64) -> Result<(), Error> {
        // Only one thread renders a message. Atomic, because the engine requires `Sync`.
        let left = self.0.load(Ordering::Relaxed).checked_sub(bytes);
        self.0.store(left.unwrap_or(0), Ordering::Relaxed);
        left.map(drop)
            .ok_or_else(|| Error::from(ErrorKind::OutOfFuel))
    }

    /// Counts a value with all nested values. Returns the cost.
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

    /// Counts the result of a filter or an operator. Collects a lazy result into a list, so that it cannot cost more
    /// later.
    pub(super) fn counted(&self, value: Value) -> Result<Value, Error> {
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

/// The length of a text in bytes, or the number of digits of an exact number; 0 for other values.
pub(super) fn text_len(value: &Value) -> u64 {
    let bytes = match value.as_str() {
        Some(text) => text.len(),
        None => value
            .as_bytes()
            .map_or_else(|| exact_digits(value), <[u8]>::len),
    };
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
