use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::Caller;

/// Tokens that may be remembered at once. Backends use one for many requests; should every user of theirs
/// have one, remembering starts anew now and then.
const CAPACITY: usize = 4096;

/// The callers of tokens whose signature was found valid: it is the same for the same token, and checking
/// it costs more than all else that authentication does. By digest, so that no token is kept.
#[derive(Default)]
pub(super) struct Remembered(Mutex<HashMap<[u8; 32], Entry>>);

struct Entry {
    caller: Caller,
    /// The last second in which the token is valid.
    until: Option<f64>,
}

impl Remembered {
    /// The caller of a token that is remembered and, at `now` (seconds since 1970), still valid.
    pub(super) fn recall(&self, token: &str, now: f64) -> Option<Caller> {
        let digest = digest(token);
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(&digest)?;
        if entry.until.is_none_or(|until| now <= until) {
            return Some(entry.caller.clone());
        }
        entries.remove(&digest);
        None
    }

    /// Remembers the caller of a valid token.
    pub(super) fn note(&self, token: &str, caller: &Caller, until: Option<f64>) {
        let entry = Entry {
            caller: caller.clone(),
            until,
        };
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= CAPACITY {
            entries.clear();
        }
        entries.insert(digest(token), entry);
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::super::Access;
    use super::*;

    fn caller() -> Caller {
        Caller::new("orders", Access::none())
    }

    #[test]
    fn a_token_is_recalled_until_it_expires() {
        let remembered = Remembered::default();
        remembered.note("a", &caller(), Some(100.0));
        remembered.note("b", &caller(), None);
        assert!(remembered.recall("a", 100.0).is_some());
        assert!(remembered.recall("a", 100.1).is_none());
        assert!(remembered.recall("a", 0.0).is_none(), "it was forgotten");
        let recalled = remembered.recall("b", 1e12).expect("no expiry");
        assert_eq!(recalled.subject(), "orders");
        assert!(remembered.recall("c", 0.0).is_none());
    }

    #[test]
    fn only_so_many_tokens_are_remembered() {
        let remembered = Remembered::default();
        for nth in 0..=CAPACITY {
            remembered.note(&nth.to_string(), &caller(), None);
        }
        assert_eq!(remembered.0.lock().expect("not poisoned").len(), 1);
    }
}
