//! What the commands read from the environment, beside the sections that all programs share.

use std::fmt;
use std::str::FromStr;

use secrecy::SecretString;
use tidings_common::settings::{Problems, Reader};

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

impl FromStr for Algorithm {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "HS256" => Ok(Self::Hs256),
            "HS384" => Ok(Self::Hs384),
            "HS512" => Ok(Self::Hs512),
            _ => Err("must be HS256, HS384 or HS512"),
        }
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
        let algorithm = reader.or("JWT_ALGORITHM", Algorithm::Hs256);
        let secret = reader.required_secret("JWT_SECRET", "the output of `openssl rand -hex 32`");
        Some(Self {
            secret: secret?,
            algorithm,
        })
    }
}
