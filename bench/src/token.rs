//! A token for the API.

use std::str::FromStr;

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tidings_settings::Reader;
use uuid::Uuid;

/// How long the token is valid: longer than any measurement.
const LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// The secret that the API shares, and the algorithm to sign with.
#[derive(Debug)]
pub struct SigningSettings {
    /// `JWT_SECRET`.
    secret: SecretString,
    /// The first HMAC algorithm of `JWT_ALGORITHM`.
    algorithm: HmacAlgorithm,
}

impl SigningSettings {
    /// Reads `JWT_SECRET` and `JWT_ALGORITHM`. Returns `None` if `JWT_SECRET` is missing.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let algorithm = reader.or("JWT_ALGORITHM", HmacAlgorithm(Algorithm::HS256));
        let secret = reader.required_secret("JWT_SECRET", "the output of `openssl rand -hex 32`");
        Some(Self {
            secret: secret?,
            algorithm,
        })
    }
}

/// An algorithm that signs with a shared secret.
#[derive(Clone, Copy, Debug)]
struct HmacAlgorithm(Algorithm);

impl FromStr for HmacAlgorithm {
    type Err = &'static str;

    fn from_str(list: &str) -> Result<Self, Self::Err> {
        list.split(',')
            .filter_map(|name| name.trim().parse().ok())
            .find(|algorithm| {
                let hmac = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];
                hmac.contains(algorithm)
            })
            .map(Self)
            .ok_or("must contain HS256, HS384 or HS512; or pass a token with --token")
    }
}

/// Signs a token without a scope, with which the API accepts everything.
///
/// # Errors
///
/// Returns an error if the token cannot be signed.
pub fn sign(settings: &SigningSettings, now: Timestamp) -> anyhow::Result<String> {
    let claims = json!({
        "userId": Uuid::nil(),
        "username": "tidings-bench",
        "iat": now.as_second(),
        "exp": (now + LIFETIME).as_second(),
    });
    let key = EncodingKey::from_secret(settings.secret.expose_secret().as_bytes());
    jsonwebtoken::encode(&Header::new(settings.algorithm.0), &claims, &key)
        .context("cannot sign a token for the API")
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation, decode};
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_token_expires_a_day_later_and_has_no_scope() {
        let settings = SigningSettings {
            secret: "a secret".into(),
            algorithm: "RS256, HS384".parse().expect("an HMAC algorithm"),
        };
        let now = Timestamp::now();
        let token = sign(&settings, now).expect("a token");
        let key = DecodingKey::from_secret(b"a secret");
        let claims = decode::<Value>(&token, &key, &Validation::new(Algorithm::HS384))
            .expect("a valid token")
            .claims;
        assert_eq!(claims["exp"], now.as_second() + 24 * 3600);
        assert_eq!(claims["userId"], Uuid::nil().to_string());
        assert!(claims.get("scope").is_none());
    }

    #[test]
    fn public_key_algorithms_cannot_sign() {
        assert!("RS256,EdDSA".parse::<HmacAlgorithm>().is_err());
    }
}
