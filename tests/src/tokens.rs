//! Tokens for the API.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tidings_domain::notification::UserId;

/// The secret of the API under test, and of the shared API that `./dev test` starts.
pub const SECRET: &str = include_str!("../jwt-secret").trim_ascii();

/// The user id in the token of [`service`].
pub const SERVICE: &str = "00000000-0000-4000-8000-000000000001";

/// Signs `claims` with HS256 and [`SECRET`].
#[must_use]
pub fn signed(claims: &Value) -> String {
    signed_with(Algorithm::HS256, claims, SECRET)
}

/// Signs `claims` with an HMAC algorithm and a secret.
#[must_use]
pub fn signed_with(algorithm: Algorithm, claims: &Value, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(algorithm), claims, &key).expect("a token")
}

/// Returns the token of a trusted service: it has no scopes, so it may do everything except administrate.
#[must_use]
pub fn service() -> String {
    signed(&json!({"userId": SERVICE, "iat": 1_703_600_000}))
}

/// Returns the token of `user` with `scope`, a list separated by spaces.
#[must_use]
pub fn scoped(user: UserId, scope: &str) -> String {
    signed(&json!({"userId": user, "iat": 1_703_600_000, "scope": scope}))
}
