use std::fmt;

use jiff::Timestamp;
use tidings_domain::access::{ApiKeyId, Scopes, SecretHash};
use tidings_domain::notification::UserId;

/// What is needed to authenticate the holder of a key. Small, because each API holds all keys.
#[derive(Clone, PartialEq, Eq)]
pub struct LiveKey {
    /// The public part of the key.
    pub id: ApiKeyId,
    /// The hash of the secret.
    pub hash: SecretHash,
    /// The secret before the last rotation.
    pub previous: Option<Box<PreviousSecret>>,
    /// What the key may do. Of a key of a user, only what is about this user.
    pub scopes: Scopes,
    /// The user to whom the key is limited.
    pub user: Option<UserId>,
    /// How many requests a minute the key may send.
    pub rate_per_minute: Option<u32>,
    /// When the key expires.
    pub expires_at: Option<Timestamp>,
}

/// The secret of a key before its rotation.
#[derive(Clone, PartialEq, Eq)]
pub struct PreviousSecret {
    /// The hash of the secret.
    pub hash: SecretHash,
    /// Until when it is valid.
    pub until: Timestamp,
}

/// Hides the hashes.
impl fmt::Debug for LiveKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Hides the hash.
impl fmt::Debug for PreviousSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreviousSecret")
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}
