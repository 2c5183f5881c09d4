//! A token for the API.

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tidings_domain::jwt::{JwtAlgorithm, JwtAlgorithms};
use tidings_settings::{Reader, table};
use uuid::Uuid;

/// How long the token is valid: longer than any measurement.
const LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// The secret that the API shares, and the algorithm to sign with.
#[derive(Debug)]
pub struct SigningSettings {
    /// `JWT_SECRET`.
    secret: SecretString,
    /// The first HMAC algorithm of `JWT_ALGORITHM`.
    algorithm: JwtAlgorithm,
}

impl SigningSettings {
    /// Reads `JWT_SECRET` and `JWT_ALGORITHM`. Returns `None` if `JWT_SECRET` is missing or no algorithm uses
    /// a shared secret.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let algorithms: JwtAlgorithms = reader.value(table::JWT_ALGORITHM);
        let algorithm = algorithms.first_with_shared_secret();
        if algorithm.is_none() {
            let message = "must contain HS256, HS384 or HS512; or pass a token with --token";
            reader.problem(table::JWT_ALGORITHM, message);
        }
        let secret = reader.required_secret(table::JWT_SECRET);
        Some(Self {
            secret: secret?,
            algorithm: algorithm?,
        })
    }
}

/// Signs a token of a service that may do everything.
///
/// # Errors
///
/// Returns an error if the token cannot be signed.
pub fn sign(settings: &SigningSettings, now: Timestamp) -> anyhow::Result<String> {
    let claims = json!({
        "userId": Uuid::nil(),
        "username": "tidings-bench",
        "scope": "admin",
        "iat": now.as_second(),
        "exp": (now + LIFETIME).as_second(),
    });
    let key = EncodingKey::from_secret(settings.secret.expose_secret().as_bytes());
    let algorithm = settings.algorithm.as_str().parse::<Algorithm>()?;
    jsonwebtoken::encode(&Header::new(algorithm), &claims, &key)
        .context("cannot sign a token for the API")
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation, decode};
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_token_expires_a_day_later_and_may_do_everything() {
        let settings = SigningSettings {
            secret: "a secret".into(),
            algorithm: JwtAlgorithm::Hs384,
        };
        let now = Timestamp::now();
        let token = sign(&settings, now).expect("a token");
        let key = DecodingKey::from_secret(b"a secret");
        let claims = decode::<Value>(&token, &key, &Validation::new(Algorithm::HS384))
            .expect("a valid token")
            .claims;
        assert_eq!(claims["exp"], now.as_second() + 24 * 3600);
        assert_eq!(claims["userId"], Uuid::nil().to_string());
        assert_eq!(claims["scope"], "admin");
    }

    #[test]
    fn the_first_hmac_algorithm_signs_and_public_key_algorithms_cannot() {
        let read = |algorithms: &str| {
            let vars = [("JWT_ALGORITHM", algorithms), ("JWT_SECRET", "a secret")];
            let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
            let mut reader = Reader::from_vars(vars.map(owned));
            let settings = SigningSettings::read(&mut reader);
            reader.finish(settings)
        };
        let settings = read("RS256, HS384, HS256").expect("an HMAC algorithm");
        assert_eq!(settings.algorithm, JwtAlgorithm::Hs384);
        assert!(read("RS256,EdDSA").is_err());
    }
}
