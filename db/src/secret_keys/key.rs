use std::fmt;
use std::str::FromStr;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use tidings_settings::weakness;
use uuid::Uuid;

use super::SealError;

/// The length of a key, in bytes.
const KEY_LEN: usize = 32;

/// The maximum length of a key's id.
const MAX_ID_LEN: usize = 32;

/// Precedes the endpoint's id in what is authenticated, so that a secret of another table could not be used here.
const CONTEXT: &[u8] = b"tidings: webhook_endpoints.secret: ";

/// The name of a key. No secret: it is stored with each secret that the key encrypts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyId {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if (1..=MAX_ID_LEN).contains(&text.len()) && text.chars().all(is_valid) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidKey::Id)
        }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no key. Never quotes the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// There is no name, or it has other characters.
    #[error(
        "must begin with a name of at most 32 letters, digits, `_`, `-` and `.`, and a colon: for example the output of `echo 1:$(openssl rand -base64 32)`"
    )]
    Id,
    /// The part after the colon is not a key.
    #[error(
        "must be a name, a colon and 32 bytes in base64: for example the output of `echo 1:$(openssl rand -base64 32)`"
    )]
    Bytes,
}

/// A key with its name.
pub struct SecretKey {
    id: KeyId,
    aead: RandomizedNonceKey,
    /// Whether an attacker could guess the key.
    is_weak: bool,
}

impl SecretKey {
    /// The name.
    pub const fn id(&self) -> &KeyId {
        &self.id
    }

    /// Whether the key is an example or a text that someone thought of, instead of random bytes.
    pub const fn is_weak(&self) -> bool {
        self.is_weak
    }

    /// Encrypts a secret. Returns the nonce, the ciphertext and the tag, one after the other.
    pub fn seal(&self, endpoint: Uuid, secret: &SecretString) -> Result<Vec<u8>, SealError> {
        let mut sealed = secret.expose_secret().as_bytes().to_vec();
        let nonce = self
            .aead
            .seal_in_place_append_tag(aad(endpoint), &mut sealed)
            .map_err(|_| SealError::Encryption)?;
        Ok([&nonce.as_ref()[..], &sealed].concat())
    }

    /// Decrypts what [`SecretKey::seal`] returned. Returns `None` if another key encrypted it, or if it belongs to another
    /// endpoint or was changed.
    pub fn open(&self, endpoint: Uuid, sealed: &[u8]) -> Option<SecretString> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut opened = sealed.to_vec();
        let length = self
            .aead
            .open_in_place(nonce, aad(endpoint), &mut opened)
            .ok()?
            .len();
        opened.truncate(length);
        String::from_utf8(opened).ok().map(SecretString::from)
    }
}

fn aad(endpoint: Uuid) -> Aad<Vec<u8>> {
    Aad::from([CONTEXT, endpoint.as_bytes()].concat())
}

/// `<id>:<32 bytes in base64>`.
impl FromStr for SecretKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (id, encoded) = text.split_once(':').ok_or(InvalidKey::Id)?;
        let id = id.parse()?;
        let bytes = BASE64_STANDARD.decode(encoded);
        let bytes = SecretSlice::from(bytes.map_err(|_| InvalidKey::Bytes)?);
        let bytes = bytes.expose_secret();
        if bytes.len() != KEY_LEN {
            return Err(InvalidKey::Bytes);
        }
        let aead = RandomizedNonceKey::new(&AES_256_GCM, bytes);
        Ok(Self {
            id,
            aead: aead.map_err(|_| InvalidKey::Bytes)?,
            is_weak: is_weak(bytes),
        })
    }
}

/// Random bytes are no text, except with a probability of about 2^-45, and repeat few values.
fn is_weak(bytes: &[u8]) -> bool {
    let mut values = bytes.to_vec();
    values.sort_unstable();
    values.dedup();
    let is_guessable_text = std::str::from_utf8(bytes)
        .is_ok_and(|text| !text.contains(char::is_control) && weakness(text, KEY_LEN).is_some());
    values.len() < KEY_LEN / 2 || is_guessable_text
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({}:***)", self.id)
    }
}
