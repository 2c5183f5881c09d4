use std::fmt;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

/// The minimum length of a secret, in bytes: that of the hash.
pub(crate) const MIN_LENGTH: usize = 32;

/// The maximum number of secrets. Each token is verified with all of them.
const MAX_COUNT: usize = 8;

/// The length of a MAC, in bytes: the first half of an HMAC-SHA-256 (RFC 2104 §5).
pub(crate) const MAC_LENGTH: usize = 16;

/// As long as a block of the hash.
type MacKey = [u8; 64];

/// `UNSUBSCRIBE_SECRETS`: the keys that derive from them (HKDF, RFC 5869). The first one signs, all of them verify.
#[derive(Clone)]
pub struct UnsubscribeSecrets {
    newest: MacKey,
    older: Vec<MacKey>,
}

/// Why the secrets cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    /// There is none.
    #[error("has no secret")]
    Empty,
    /// There are too many.
    #[error("has more than {MAX_COUNT} secrets")]
    TooMany,
    /// One is too short.
    #[error("secret {0} is shorter than {MIN_LENGTH} characters")]
    TooShort(usize),
    /// Two are the same.
    #[error("secret {0} is there twice")]
    Repeated(usize),
}

impl UnsubscribeSecrets {
    /// Reads secrets that commas separate, the newest first.
    ///
    /// # Errors
    ///
    /// Returns what is wrong, without the secrets.
    pub fn parse(text: &str) -> Result<Self, SecretsError> {
        let secrets: Vec<&str> = items(text).collect();
        if secrets.len() > MAX_COUNT {
            return Err(SecretsError::TooMany);
        }
        for (index, secret) in secrets.iter().enumerate() {
            if secret.len() < MIN_LENGTH {
                return Err(SecretsError::TooShort(index + 1));
            }
            if secrets[..index].contains(secret) {
                return Err(SecretsError::Repeated(index + 1));
            }
        }
        let mut keys = secrets.into_iter().map(derive);
        Ok(Self {
            newest: keys.next().ok_or(SecretsError::Empty)?,
            older: keys.collect(),
        })
    }

    /// The MAC of a token, by the secret that signs.
    pub(crate) fn sign(&self, body: &[u8]) -> [u8; MAC_LENGTH] {
        mac(&self.newest, body)
    }

    /// Whether one of the secrets has signed. Takes as long for each of them.
    pub(crate) fn verify(&self, body: &[u8], signature: &[u8; MAC_LENGTH]) -> bool {
        let keys = std::iter::once(&self.newest).chain(&self.older);
        let matches = keys.map(|key| mac(key, body).ct_eq(signature));
        matches.fold(Choice::from(0), |any, one| any | one).into()
    }
}

/// The secrets in a text.
pub(crate) fn items(text: &str) -> impl Iterator<Item = &str> {
    let all = text.split(',').map(str::trim);
    all.filter(|secret| !secret.is_empty())
}

fn derive(secret: &str) -> MacKey {
    let hkdf = Hkdf::<Sha256>::new(Some(b"tidings unsubscribe"), secret.as_bytes());
    let mut key = [0; 64];
    // Fails only for more than 8160 bytes.
    let expanded = hkdf.expand(b"link 1", &mut key);
    debug_assert!(expanded.is_ok());
    key
}

fn mac(key: &MacKey, body: &[u8]) -> [u8; MAC_LENGTH] {
    let mut mac = <Hmac<Sha256> as KeyInit>::new(key.into());
    mac.update(body);
    let bytes: [u8; 32] = mac.finalize().into_bytes().into();
    let mut half = [0; MAC_LENGTH];
    half.copy_from_slice(&bytes[..MAC_LENGTH]);
    half
}

impl fmt::Debug for UnsubscribeSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnsubscribeSecrets(***)")
    }
}
