use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::Caller;

/// The maximum number of cached tokens. A backend uses one token for many requests. If a backend uses one
/// token a user, the cache is cleared whenever it is full.
const CAPACITY: usize = 4096;

/// Caches the callers of tokens with a valid signature, because verifying a signature is the most expensive
/// step of authentication. The keys are digests, so that no token stays in memory.
#[derive(Default)]
pub(super) struct VerifiedTokenCache(Mutex<HashMap<[u8; 32], CachedCaller>>);

struct CachedCaller {
    caller: Caller,
    /// When the token expires, in seconds since 1970.
    until: Option<f64>,
}

impl VerifiedTokenCache {
    /// The caller of a cached token that is still valid at `now` (seconds since 1970).
    pub(super) fn get(&self, token: &str, now: f64) -> Option<Caller> {
        let digest = digest(token);
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(&digest)?;
        if entry.until.is_none_or(|until| now <= until) {
            return Some(entry.caller.clone());
        }
        entries.remove(&digest);
        None
    }

    /// Caches the caller of a valid token until the time `until` (seconds since 1970), or without limit.
    pub(super) fn insert(&self, token: &str, caller: &Caller, until: Option<f64>) {
        let entry = CachedCaller {
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
    use tidings_domain::access::Scopes;

    use super::*;

    fn caller() -> Caller {
        Caller::new("orders", Scopes::NONE)
    }

    #[test]
    fn a_token_is_cached_until_it_expires() {
        let cache = VerifiedTokenCache::default();
        cache.insert("a", &caller(), Some(100.0));
        cache.insert("b", &caller(), None);
        assert!(cache.get("a", 100.0).is_some());
        assert!(cache.get("a", 100.1).is_none());
        assert!(
            cache.get("a", 0.0).is_none(),
            "the expired entry is removed"
        );
        let cached = cache.get("b", 1e12).expect("no expiry");
        assert_eq!(cached.subject(), "orders");
        assert!(cache.get("c", 0.0).is_none());
    }

    #[test]
    fn the_cache_has_a_maximum_size() {
        let cache = VerifiedTokenCache::default();
        for nth in 0..=CAPACITY {
            cache.insert(&nth.to_string(), &caller(), None);
        }
        assert_eq!(cache.0.lock().expect("not poisoned").len(), 1);
    }
}
