use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;

use super::SealError;

/// The length of a secret. Standard Webhooks ("Signature scheme") allows 24 to 64 bytes.
const BYTES: usize = 32;

/// Generates a secret for signing webhooks: `whsec_` and the base64 of random bytes (Standard Webhooks).
///
/// # Errors
///
/// Fails if the operating system provides no random bytes.
pub fn generate_secret() -> Result<SecretString, SealError> {
    let mut bytes = [0; BYTES];
    rand::fill(&mut bytes).map_err(|_| SealError::Encryption)?;
    let text = format!("whsec_{}", STANDARD.encode(bytes));
    Ok(SecretString::from(text))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn secrets_are_32_random_bytes_each() {
        let secrets: HashSet<String> = (0..100)
            .map(|_| {
                let secret = generate_secret().expect("a secret");
                let text = secret.expose_secret().to_owned();
                let bytes = text.strip_prefix("whsec_").expect("the prefix");
                let bytes = STANDARD.decode(bytes).expect("base64");
                assert!(bytes.len() == 32 && bytes.iter().any(|byte| *byte != 0));
                text
            })
            .collect();
        assert_eq!(secrets.len(), 100);
    }
}
