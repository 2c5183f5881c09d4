use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::AccountError;

/// Returns `prefix` and 256 random bits.
///
/// # Errors
///
/// Returns [`AccountError::Internal`] if the operating system provides no random bytes.
pub(super) fn random_token(prefix: &str) -> Result<String, AccountError> {
    let mut bytes = [0; 32];
    fill(&mut bytes)?;
    Ok(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// Returns six random digits.
///
/// # Errors
///
/// Returns [`AccountError::Internal`] if the operating system provides no random bytes.
pub(super) fn random_code() -> Result<String, AccountError> {
    let mut bytes = [0; 8];
    fill(&mut bytes)?;
    // The remainder of 64 bits prefers no number noticeably.
    Ok(format!("{:06}", u64::from_be_bytes(bytes) % 1_000_000))
}

fn fill(bytes: &mut [u8]) -> Result<(), AccountError> {
    getrandom::fill(bytes).map_err(|_| AccountError::Internal("there are no random bytes"))
}
