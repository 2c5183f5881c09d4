use super::KeyId;

/// Why a secret cannot be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// In production, no secret is stored without a key.
    #[error(
        "SECRETS_KEY is not set, and in production no secret is stored readable: set it to the output of `echo 1:$(openssl rand -base64 32)`, for all programs"
    )]
    KeyMissing,
    /// The operating system provides no random bytes.
    #[error("the secret cannot be encrypted")]
    Encryption,
}

/// Why a stored secret cannot be decrypted. Contains nothing of the secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum OpenError {
    /// `SECRETS_KEY` has no key of this id.
    #[error("it is encrypted under the key {0}, which SECRETS_KEY does not contain")]
    UnknownKey(KeyId),
    /// The key of this id does not decrypt the secret.
    #[error(
        "the key {0} does not decrypt it: SECRETS_KEY has another key of this name, or the row was changed"
    )]
    Refused(KeyId),
    /// The stored text is not in the form of an encrypted secret.
    #[error("its text in the table is damaged")]
    Damaged,
}
