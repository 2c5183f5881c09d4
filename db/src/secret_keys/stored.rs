use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use uuid::Uuid;

use super::{KeyId, OpenError};

/// The beginning of an encrypted secret: `aes-256-gcm:<id of the key>:<base64 of nonce, ciphertext and tag>`. No readable
/// secret begins like this: those begin with `whsec_`.
const PREFIX: &str = "aes-256-gcm:";

/// A signing secret of an endpoint in the form in which it is stored. Only [`SecretKeys::seal`](super::SecretKeys::seal)
/// makes one, so that nothing else decides whether a secret is stored readable.
#[derive(Clone)]
pub struct EndpointSecret {
    endpoint: Uuid,
    text: String,
}

impl EndpointSecret {
    pub(super) const fn new(endpoint: Uuid, text: String) -> Self {
        Self { endpoint, text }
    }

    /// The id of the endpoint that the secret is for: the secret cannot be opened for another one.
    #[must_use]
    pub const fn endpoint(&self) -> Uuid {
        self.endpoint
    }

    /// The text for the column.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for EndpointSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In development, the text may be readable.
        write!(f, "EndpointSecret({}, ***)", self.endpoint)
    }
}

/// A stored secret.
pub(super) enum StoredForm<'a> {
    /// Readable.
    Plain(&'a str),
    /// Encrypted.
    Sealed {
        /// The id of the key.
        key: KeyId,
        /// The nonce, the ciphertext and the tag.
        data: Vec<u8>,
    },
}

impl<'a> StoredForm<'a> {
    pub(super) fn parse(stored: &'a str) -> Result<Self, OpenError> {
        let Some(sealed) = stored.strip_prefix(PREFIX) else {
            return Ok(Self::Plain(stored));
        };
        let (key, data) = sealed.split_once(':').ok_or(OpenError::Damaged)?;
        Ok(Self::Sealed {
            key: key.parse().map_err(|_| OpenError::Damaged)?,
            data: BASE64_STANDARD
                .decode(data)
                .map_err(|_| OpenError::Damaged)?,
        })
    }
}

pub(super) fn sealed_text(key: &KeyId, data: &[u8]) -> String {
    format!("{PREFIX}{key}:{}", BASE64_STANDARD.encode(data))
}
