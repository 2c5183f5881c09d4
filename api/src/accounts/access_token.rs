//! The access tokens of users: JWTs with a key of their own.

use std::time::Duration;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use tidings_domain::access::{Scopes, SessionId};
use tidings_domain::notification::UserId;
use uuid::Uuid;

use super::AccountError;
use super::keys::AccountKeys;

/// The name of the key in the header of a token.
pub const KEY_ID: &str = "user-1";

/// The issuer.
const ISSUER: &str = "tidings";

/// How far the clocks of the API's processes may differ, in seconds.
const LEEWAY_SECS: u64 = 5;

/// What an access token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserGrant {
    /// The user.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// The rights.
    pub scopes: Scopes,
    /// When the token expires.
    pub expires_at: Timestamp,
}

/// Why an access token of a user is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUserToken {
    /// The signature, the times or the claims.
    #[error("is not a valid token of a user: {0:?}")]
    Token(jsonwebtoken::errors::ErrorKind),
    /// The session has ended.
    #[error("belongs to a session that has ended")]
    SessionEnded,
    /// PostgreSQL was away since the start, so it is not known which sessions have ended.
    #[error("cannot be verified before the ended sessions are known")]
    SessionsUnknown,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: Uuid,
    sid: Uuid,
    scope: String,
    iat: i64,
    exp: i64,
}

/// Signs and verifies access tokens.
pub(super) struct AccessTokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    lifetime: Duration,
}

impl AccessTokens {
    pub(super) fn new(keys: &AccountKeys, lifetime: Duration) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = LEEWAY_SECS;
        validation.set_issuer(&[ISSUER]);
        validation.validate_aud = false;
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        Self {
            encoding: EncodingKey::from_secret(&keys.access),
            decoding: DecodingKey::from_secret(&keys.access),
            validation,
            lifetime,
        }
    }

    /// Signs a token of a session. Returns the token and when it expires. `rotated_at` is when the generation of the session
    /// began: requests that refresh it at the same time get the same token.
    ///
    /// # Errors
    ///
    /// Returns [`AccountError::Internal`] if that is not possible.
    pub(super) fn sign(
        &self,
        user: UserId,
        session: SessionId,
        scopes: Scopes,
        rotated_at: Timestamp,
        now: Timestamp,
    ) -> Result<(String, Timestamp), AccountError> {
        let lifetime = i64::try_from(self.lifetime.as_secs()).unwrap_or(i64::MAX);
        let age = now.as_second() - rotated_at.as_second();
        let issued_at = if (0..lifetime / 2).contains(&age) {
            rotated_at.as_second()
        } else {
            now.as_second()
        };
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: user.as_uuid(),
            sid: session.as_uuid(),
            scope: scopes.to_string(),
            iat: issued_at,
            exp: issued_at.saturating_add(lifetime),
        };
        let header = Header {
            kid: Some(KEY_ID.to_owned()),
            ..Header::new(Algorithm::HS256)
        };
        let token = encode(&header, &claims, &self.encoding)
            .map_err(|_| AccountError::Internal("an access token cannot be signed"))?;
        let expires_at = Timestamp::from_second(claims.exp)
            .map_err(|_| AccountError::Internal("an access token expires too late"))?;
        Ok((token, expires_at))
    }

    /// Verifies signature, times and claims; not whether the session has ended.
    ///
    /// # Errors
    ///
    /// Returns why the token is invalid.
    pub(super) fn verify(&self, token: &str) -> Result<UserGrant, InvalidUserToken> {
        let invalid =
            |error: jsonwebtoken::errors::Error| InvalidUserToken::Token(error.into_kind());
        let claims: Claims = decode(token, &self.decoding, &self.validation)
            .map_err(invalid)?
            .claims;
        let expires_at = Timestamp::from_second(claims.exp).map_err(|_| {
            InvalidUserToken::Token(jsonwebtoken::errors::ErrorKind::ExpiredSignature)
        })?;
        Ok(UserGrant {
            user: claims.sub.into(),
            session: claims.sid.into(),
            scopes: Scopes::of_claim(&claims.scope),
            expires_at,
        })
    }
}
