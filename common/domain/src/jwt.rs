//! The algorithms that sign JSON Web Tokens.

use std::fmt;
use std::str::FromStr;

/// Declares the algorithms by the names that `JWT_ALGORITHM` and the header `alg` give them.
macro_rules! algorithms {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// An algorithm that may sign tokens.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum JwtAlgorithm {
            $($(#[$doc])* $variant,)+
        }

        impl JwtAlgorithm {
            /// All algorithms.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name, as `alg` has it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

algorithms! {
    /// HMAC with SHA-256.
    Hs256 = "HS256",
    /// HMAC with SHA-384.
    Hs384 = "HS384",
    /// HMAC with SHA-512.
    Hs512 = "HS512",
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256 = "RS256",
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384 = "RS384",
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512 = "RS512",
    /// RSASSA-PSS with SHA-256.
    Ps256 = "PS256",
    /// RSASSA-PSS with SHA-384.
    Ps384 = "PS384",
    /// RSASSA-PSS with SHA-512.
    Ps512 = "PS512",
    /// ECDSA with P-256 and SHA-256.
    Es256 = "ES256",
    /// ECDSA with P-384 and SHA-384.
    Es384 = "ES384",
    /// `EdDSA` (RFC 8037).
    EdDsa = "EdDSA",
}

impl JwtAlgorithm {
    /// Minimum length of the shared secret in bytes: the length of the hash (RFC 7518 §3.2). `None` for an
    /// algorithm with a public key.
    #[must_use]
    pub const fn min_secret_len(self) -> Option<usize> {
        match self {
            Self::Hs256 => Some(32),
            Self::Hs384 => Some(48),
            Self::Hs512 => Some(64),
            _ => None,
        }
    }

    /// Returns whether the algorithm signs with a shared secret.
    #[must_use]
    pub const fn has_shared_secret(self) -> bool {
        self.min_secret_len().is_some()
    }
}

impl fmt::Display for JwtAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is not an algorithm of [`JwtAlgorithm::ALL`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} must be one of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 and EdDSA"
)]
pub struct UnknownAlgorithm(String);

impl FromStr for JwtAlgorithm {
    type Err = UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.iter().copied();
        all.find(|algorithm| algorithm.as_str() == text)
            .ok_or_else(|| UnknownAlgorithm(text.to_owned()))
    }
}

/// `JWT_ALGORITHM`: the algorithms that the API accepts, separated by commas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JwtAlgorithms(pub Vec<JwtAlgorithm>);

impl JwtAlgorithms {
    /// Minimum length of the shared secret in bytes, for the algorithm with the longest hash. `None` if no
    /// algorithm uses a shared secret.
    #[must_use]
    pub fn min_secret_len(&self) -> Option<usize> {
        let lengths = self.0.iter().map(|algorithm| algorithm.min_secret_len());
        lengths.max().flatten()
    }

    /// The first algorithm with a shared secret.
    #[must_use]
    pub fn first_with_shared_secret(&self) -> Option<JwtAlgorithm> {
        let mut all = self.0.iter().copied();
        all.find(|algorithm| algorithm.has_shared_secret())
    }
}

impl FromStr for JwtAlgorithms {
    type Err = UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names = text.split(',').map(str::trim);
        names.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_algorithms_are_parsed() {
        for algorithm in JwtAlgorithm::ALL {
            assert_eq!(algorithm.as_str().parse(), Ok(*algorithm));
            let error = "none".parse::<JwtAlgorithm>().expect_err("no signature");
            assert!(error.to_string().contains(algorithm.as_str()), "{error}");
        }
        for wrong in ["none", "HS1024", "hs256", ""] {
            assert!(wrong.parse::<JwtAlgorithm>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_longest_hash_determines_the_minimum_length_of_the_secret() {
        let bytes = |text: &str| {
            text.parse::<JwtAlgorithms>()
                .map(|all| all.min_secret_len())
        };
        assert_eq!(bytes("RS256, EdDSA"), Ok(None));
        assert_eq!(bytes("RS256,HS256,HS512"), Ok(Some(64)));
        assert!(bytes("HS256,none").is_err());
    }
}
