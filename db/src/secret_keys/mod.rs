//! The keys that encrypt secrets in the tables, and the form in which secrets are stored.
//!
//! A secret is encrypted with AES-256-GCM under a random nonce of 96 bits. The id of its endpoint is authenticated too, so
//! that a stored secret is of no use in another row. One key may encrypt 2^32 secrets with random nonces (NIST SP 800-38D
//! §8.3), far more than there are.

mod errors;
mod generated;
mod key;
mod settings;
mod stored;

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

pub use errors::{OpenError, SealError};
pub use generated::generate_secret;
pub use key::KeyId;
use key::SecretKey;
pub use stored::EndpointSecret;
use stored::StoredForm;

/// The keys of `SECRETS_KEY`. The first one encrypts, all of them decrypt.
#[derive(Clone, Debug)]
pub struct SecretKeys {
    keys: Arc<[SecretKey]>,
    /// Whether secrets are stored readable if there is no key. Only in development.
    allow_plain: bool,
}

/// How a secret is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SecretState {
    /// Encrypted under the first key.
    Current,
    /// Encrypted under another key of `SECRETS_KEY`.
    Former(KeyId),
    /// Readable.
    Plain,
    /// Encrypted, and no key of `SECRETS_KEY` opens it.
    Unopened(OpenError),
}

impl SecretKeys {
    /// The id of the key that encrypts. `None` without `SECRETS_KEY`.
    #[must_use]
    pub fn first(&self) -> Option<&KeyId> {
        self.keys.first().map(SecretKey::id)
    }

    /// Returns whether a secret can be stored: with a key, or readable in development.
    #[must_use]
    pub fn can_seal(&self) -> bool {
        self.allow_plain || !self.keys.is_empty()
    }

    /// Encrypts the secret of the endpoint `endpoint` under the first key. In development without a key, the secret stays
    /// readable.
    ///
    /// # Errors
    ///
    /// Returns [`SealError::KeyMissing`] in production without `SECRETS_KEY`, and [`SealError::Encryption`] if the operating
    /// system provides no random bytes.
    pub fn seal(&self, endpoint: Uuid, secret: &SecretString) -> Result<EndpointSecret, SealError> {
        let text = match self.keys.first() {
            Some(key) => stored::sealed_text(key.id(), &key.seal(endpoint, secret)?),
            None if self.allow_plain => secret.expose_secret().to_owned(),
            None => return Err(SealError::KeyMissing),
        };
        Ok(EndpointSecret::new(endpoint, text))
    }

    /// Returns a stored secret of the endpoint `endpoint`.
    pub(crate) fn open(&self, endpoint: Uuid, stored: &str) -> Result<SecretString, OpenError> {
        match StoredForm::parse(stored)? {
            StoredForm::Plain(text) => Ok(SecretString::from(text)),
            StoredForm::Sealed { key, data } => {
                let found = self.keys.iter().find(|one| *one.id() == key);
                let found = found.ok_or_else(|| OpenError::UnknownKey(key.clone()))?;
                found.open(endpoint, &data).ok_or(OpenError::Refused(key))
            }
        }
    }

    /// Returns how a secret of the endpoint `endpoint` is stored, and the secret if it can be opened.
    pub(crate) fn inspect(
        &self,
        endpoint: Uuid,
        stored: &str,
    ) -> (SecretState, Option<SecretString>) {
        let secret = match self.open(endpoint, stored) {
            Ok(secret) => secret,
            Err(error) => return (SecretState::Unopened(error), None),
        };
        let state = match StoredForm::parse(stored) {
            Ok(StoredForm::Sealed { key, .. }) if Some(&key) == self.first() => {
                SecretState::Current
            }
            Ok(StoredForm::Sealed { key, .. }) => SecretState::Former(key),
            _ => SecretState::Plain,
        };
        (state, Some(secret))
    }
}

#[cfg(test)]
mod tests;
