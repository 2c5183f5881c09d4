use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock};

use jiff::Timestamp;
use subtle::{Choice, ConstantTimeEq};
use tidings_db::api_keys::{ChangedKeys, LiveKey};
use tidings_domain::access::{ApiKey, ApiKeyId, SecretHash};

use crate::auth::Caller;

/// How often the use of a key is noted, in seconds.
const NOTE_SECS: i64 = 60;

/// The keys by their ids.
#[derive(Default)]
pub(super) struct KnownKeys(RwLock<HashMap<ApiKeyId, KnownKey>>);

struct KnownKey {
    key: LiveKey,
    /// When the use of the key was last noted, in seconds since 1970.
    noted: AtomicI64,
}

/// A key that is valid.
pub(super) struct ValidKey {
    pub(super) caller: Caller,
    /// Whether its use is to be noted.
    pub(super) is_use_due: bool,
}

impl KnownKeys {
    /// Returns the caller that holds `key`, whose secret has the hash `hash`.
    pub(super) fn verify(
        &self,
        key: &ApiKey,
        hash: &SecretHash,
        now: Timestamp,
    ) -> Option<ValidKey> {
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let known = keys.get(&key.id())?;
        if !is_valid(&known.key, hash, now) {
            return None;
        }
        let (seconds, noted) = (now.as_second(), known.noted.load(Ordering::Relaxed));
        let is_use_due = seconds.saturating_sub(noted) >= NOTE_SECS
            && known
                .noted
                .compare_exchange(noted, seconds, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        Some(ValidKey {
            caller: Caller::of_key(&known.key),
            is_use_due,
        })
    }

    /// Whether there is a key with this id that can be used.
    pub(super) fn contains(&self, id: ApiKeyId) -> bool {
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        keys.contains_key(&id)
    }

    /// Takes over what a read has found. Returns how many keys there are.
    pub(super) fn apply(&self, changed: ChangedKeys) -> usize {
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if changed.is_complete {
            let mut all = HashMap::with_capacity(changed.live.len());
            for key in changed.live {
                let noted = keys.get(&key.id).map_or(0, KnownKey::noted);
                all.insert(key.id, KnownKey::new(key, noted));
            }
            *keys = all;
            return keys.len();
        }
        for key in changed.live {
            let noted = keys.get(&key.id).map_or(0, KnownKey::noted);
            keys.insert(key.id, KnownKey::new(key, noted));
        }
        for id in changed.ended {
            keys.remove(&id);
        }
        keys.len()
    }
}

impl KnownKey {
    const fn new(key: LiveKey, noted: i64) -> Self {
        let noted = AtomicI64::new(noted);
        Self { key, noted }
    }

    fn noted(&self) -> i64 {
        self.noted.load(Ordering::Relaxed)
    }
}

/// Whether the hash is that of a secret of the key, and the key has not expired. Compares in constant time.
fn is_valid(key: &LiveKey, hash: &SecretHash, now: Timestamp) -> bool {
    let previous = key.previous.as_ref().map_or(Choice::from(0), |previous| {
        previous.hash.ct_eq(hash) & Choice::from(u8::from(now < previous.until))
    });
    let is_own = bool::from(key.hash.ct_eq(hash) | previous);
    is_own && key.expires_at.is_none_or(|expires_at| now < expires_at)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use tidings_db::api_keys::PreviousSecret;
    use tidings_domain::access::Scopes;

    use super::*;

    fn live(key: &ApiKey) -> LiveKey {
        LiveKey {
            id: key.id(),
            hash: key.secret_hash(),
            previous: None,
            scopes: Scopes::of_claim("dashboard"),
            user: None,
            rate_per_minute: Some(7),
            expires_at: None,
        }
    }

    #[test]
    fn a_key_is_valid_until_it_expires_and_its_previous_secret_until_the_overlap_ends() {
        let (now, second) = (Timestamp::now(), SignedDuration::from_secs(1));
        let key = ApiKey::generate().expect("a key");
        let old = ApiKey::with_id(key.id()).expect("a key");
        let other = ApiKey::with_id(key.id()).expect("a key");
        let rotated = LiveKey {
            previous: Some(Box::new(PreviousSecret {
                hash: old.secret_hash(),
                until: now + second,
            })),
            expires_at: Some(now + second * 2),
            ..live(&key)
        };
        for (secret, after, valid) in [
            (&key, 0, true),
            (&key, 1, true),
            (&key, 2, false),
            (&old, 0, true),
            (&old, 1, false),
            (&other, 0, false),
        ] {
            let at = now + second * after;
            assert_eq!(is_valid(&rotated, &secret.secret_hash(), at), valid);
        }
    }

    #[test]
    fn the_use_of_a_key_is_noted_once_a_minute_even_if_the_key_is_read_again() {
        let keys = KnownKeys::default();
        let key = ApiKey::generate().expect("a key");
        let hash = key.secret_hash();
        let now = Timestamp::now();
        let mut due = Vec::new();
        for after in [0, 59, 60, 61, 119, 120] {
            keys.0
                .write()
                .expect("not poisoned")
                .entry(key.id())
                .and_modify(|known| {
                    *known = KnownKey::new(live(&key), known.noted());
                })
                .or_insert_with(|| KnownKey::new(live(&key), 0));
            let at = now + SignedDuration::from_secs(after);
            let valid = keys.verify(&key, &hash, at).expect("valid");
            assert_eq!(valid.caller.subject(), format!("key:{}", key.id()));
            assert_eq!(valid.caller.rate_per_minute(), Some(7));
            if valid.is_use_due {
                due.push(after);
            }
        }
        assert_eq!(due, [0, 60, 120]);
    }
}
