//! What the commands read from the environment, beside the sections that all programs share.

use std::fmt;
use std::str::FromStr;

use secrecy::SecretString;
use tidings_settings::{Problems, Reader};

/// Reads what `section` reads.
///
/// # Errors
///
/// With everything that is wrong.
pub fn read<T>(section: impl FnOnce(&mut Reader) -> Option<T>) -> Result<T, Problems> {
    let mut reader = Reader::from_env();
    let settings = section(&mut reader);
    reader.finish(settings)
}

/// The algorithms that sign with a shared secret (RFC 7518 §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

impl Algorithm {
    /// The fewest bytes that its secret should have: those of its hash.
    pub const fn min_secret_len(self) -> usize {
        match self {
            Self::Hs256 => 32,
            Self::Hs384 => 48,
            Self::Hs512 => 64,
        }
    }
}

/// Those of the configured algorithms that sign with a shared secret, as `JWT_ALGORITHM` lists them,
/// separated by commas. The others have a public key, and their tokens come from their issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedSecretAlgorithms(pub Vec<Algorithm>);

impl SharedSecretAlgorithms {
    /// Reads `JWT_ALGORITHM`, default `HS256`.
    pub fn read(reader: &mut Reader) -> Self {
        reader.or("JWT_ALGORITHM", Self(vec![Algorithm::Hs256]))
    }

    /// The fewest bytes that the secret should have; `None` where none is used.
    pub fn min_secret_len(&self) -> Option<usize> {
        self.0
            .iter()
            .map(|algorithm| algorithm.min_secret_len())
            .max()
    }
}

impl FromStr for SharedSecretAlgorithms {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const OTHERS: [&str; 9] = [
            "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
        ];
        let mut shared = Vec::new();
        for name in text.split(',').map(str::trim) {
            match name {
                "HS256" => shared.push(Algorithm::Hs256),
                "HS384" => shared.push(Algorithm::Hs384),
                "HS512" => shared.push(Algorithm::Hs512),
                name if OTHERS.contains(&name) => {}
                _ => return Err("must be algorithms such as HS256, RS256, ES256 or EdDSA"),
            }
        }
        Ok(Self(shared))
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        })
    }
}

/// How tokens are signed here.
#[derive(Clone, Debug)]
pub struct TokenSettings {
    /// `JWT_SECRET`.
    pub secret: SecretString,
    /// `JWT_ALGORITHM`, default `HS256`.
    pub algorithm: Algorithm,
}

impl TokenSettings {
    /// Reads the section. `None` where a required setting is missing.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let algorithm = SharedSecretAlgorithms::read(reader).0.first().copied();
        if algorithm.is_none() {
            let message = "names no algorithm with a shared secret (HS256, HS384, HS512); tokens of others come from their issuer";
            reader.problem("JWT_ALGORITHM", message);
        }
        let secret = reader.required_secret("JWT_SECRET", "the output of `openssl rand -hex 32`");
        Some(Self {
            secret: secret?,
            algorithm: algorithm?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithms_with_public_keys_need_no_secret() {
        let read = |text: &str| text.parse::<SharedSecretAlgorithms>();
        let bytes = |text| read(text).map(|algorithms| algorithms.min_secret_len());
        assert_eq!(bytes("RS256, EdDSA"), Ok(None));
        assert_eq!(bytes("RS256,HS256,HS512"), Ok(Some(64)));
        assert!(read("none").is_err());
    }
}
