use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// As long as a block of the hash.
type MacKey = [u8; 64];

/// The keys that derive from `ACCOUNTS_SECRET` (HKDF, RFC 5869), one for each purpose.
pub(super) struct AccountKeys {
    /// Signs access tokens.
    pub(super) access: [u8; 32],
    refresh: MacKey,
    stored: MacKey,
}

impl AccountKeys {
    /// Derives the keys.
    pub(super) fn derive(secret: &SecretString) -> Self {
        let hkdf =
            Hkdf::<Sha256>::new(Some(b"tidings accounts"), secret.expose_secret().as_bytes());
        let mut keys = Self {
            access: [0; 32],
            refresh: [0; 64],
            stored: [0; 64],
        };
        for (purpose, key) in [
            ("access token user-1", &mut keys.access[..]),
            ("refresh token 1", &mut keys.refresh[..]),
            ("stored digest 1", &mut keys.stored[..]),
        ] {
            // Fails only for more than 8160 bytes.
            let expanded = hkdf.expand(purpose.as_bytes(), key);
            debug_assert!(expanded.is_ok(), "{purpose}");
        }
        keys
    }

    /// The MAC in a refresh token.
    pub(super) fn refresh_mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        mac(&self.refresh, parts)
    }

    /// The digest under which something is stored that a client presents later. `purpose` separates the tables.
    pub(super) fn stored_digest(&self, purpose: &str, text: &[u8]) -> [u8; 32] {
        mac(&self.stored, &[purpose.as_bytes(), b"\0", text])
    }
}

fn mac(key: &MacKey, parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as KeyInit>::new(key.into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}
