use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, Validation, decode, decode_header};
use secrecy::ExposeSecret;
use tidings_domain::access::Scopes;

use super::claims::{VerifiedClaims, has_critical_header};
use super::settings::{AuthSettings, is_hmac};
use super::token_cache::VerifiedTokenCache;
use super::{Caller, InvalidToken};
use crate::accounts::{AccountsState, USER_KEY_ID};

/// Verifies JSON Web Tokens.
pub struct Verifier {
    families: Vec<KeyFamily>,
    require_expiry: bool,
    leeway_secs: f64,
    cache: VerifiedTokenCache,
    /// Verifies the tokens of users, which have a key of their own.
    accounts: Option<Arc<AccountsState>>,
}

/// The accepted algorithms of one key family. Each family has its own validation, so that a token signed
/// with one kind of key is never verified with another (for example, with a public RSA key as an HMAC
/// secret).
struct KeyFamily {
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
    validation: Validation,
    /// The rights of a token without `scope`.
    unscoped: Scopes,
}

impl Verifier {
    /// Creates a verifier for the algorithms and keys in `settings`.
    ///
    /// # Errors
    ///
    /// Returns an error if a key cannot be parsed or does not fit its algorithms.
    pub fn new(settings: &AuthSettings) -> Result<Self, jsonwebtoken::errors::Error> {
        let mut families: Vec<KeyFamily> = Vec::new();
        for algorithm in &settings.algorithms {
            let same =
                |family: &&mut KeyFamily| family.algorithms[0].family() == algorithm.family();
            if let Some(family) = families.iter_mut().find(same) {
                family.algorithms.push(*algorithm);
                family.validation.algorithms.push(*algorithm);
            } else if let Some(key) = key(settings, *algorithm)? {
                families.push(KeyFamily {
                    algorithms: vec![*algorithm],
                    key,
                    validation: validation(settings, *algorithm),
                    unscoped: if is_hmac(*algorithm) && settings.trust_unscoped {
                        Scopes::ADMIN
                    } else {
                        Scopes::NONE
                    },
                });
            }
        }
        Ok(Self {
            families,
            require_expiry: settings.require_expiry,
            #[expect(clippy::cast_precision_loss, reason = "minutes at most")]
            leeway_secs: settings.leeway_secs as f64,
            cache: VerifiedTokenCache::default(),
            accounts: None,
        })
    }

    /// Also accepts the tokens of users.
    #[must_use]
    pub fn with_accounts(self, accounts: Option<Arc<AccountsState>>) -> Self {
        Self { accounts, ..self }
    }

    /// Returns the caller that a valid token names.
    ///
    /// # Errors
    ///
    /// Returns why the token is invalid.
    pub fn verify(&self, token: &str) -> Result<Caller, InvalidToken> {
        let now = Timestamp::now().as_duration().as_secs_f64();
        let caller = if let Some(caller) = self.cache.get(token, now) {
            caller
        } else {
            let (caller, expiry) = self.verify_uncached(token)?;
            let caller = caller.expiring(expiry.and_then(timestamp));
            // The leeway is for the clocks of other issuers.
            let leeway = caller.session().map_or(self.leeway_secs, |_| 0.0);
            self.cache
                .insert(token, &caller, expiry.map(|expiry| expiry + leeway));
            caller
        };
        if let (Some(session), Some(accounts)) = (caller.session(), &self.accounts) {
            accounts
                .check_session(session)
                .map_err(InvalidToken::User)?;
        }
        Ok(caller)
    }

    /// Also returns when the token expires.
    fn verify_uncached(&self, token: &str) -> Result<(Caller, Option<f64>), InvalidToken> {
        let header = decode_header(token).map_err(|_| InvalidToken::Malformed)?;
        if has_critical_header(token) {
            return Err(InvalidToken::CriticalHeader);
        }
        // Each key verifies its own tokens only: a token of a user is never taken for one of a service, nor the reverse.
        if let (Some(accounts), Some(USER_KEY_ID)) = (&self.accounts, header.kid.as_deref()) {
            let grant = accounts
                .verify_signature(token)
                .map_err(InvalidToken::User)?;
            let expiry = grant.expires_at.as_duration().as_secs_f64();
            return Ok((Caller::of_user(&grant), Some(expiry)));
        }
        let family = self
            .families
            .iter()
            .find(|family| family.algorithms.contains(&header.alg))
            .ok_or(InvalidToken::Algorithm)?;
        let claims: VerifiedClaims = decode(token, &family.key, &family.validation)?.claims;
        if self.require_expiry && claims.exp.is_none() {
            return Err(InvalidToken::MissingClaim("exp".to_owned()));
        }
        let (scopes, expiry) = (claims.scopes(family.unscoped)?, claims.exp);
        Ok((Caller::new(&claims.subject()?, scopes), expiry))
    }
}

/// The time of a claim. `None` if it is beyond all times, so that the token does not expire.
fn timestamp(secs: f64) -> Option<Timestamp> {
    SignedDuration::try_from_secs_f64(secs)
        .ok()
        .and_then(|since| Timestamp::from_duration(since).ok())
}

fn key(
    settings: &AuthSettings,
    algorithm: Algorithm,
) -> Result<Option<DecodingKey>, jsonwebtoken::errors::Error> {
    if is_hmac(algorithm) {
        let secret = settings
            .secret
            .as_ref()
            .map(|secret| secret.expose_secret().as_bytes());
        return Ok(secret.map(DecodingKey::from_secret));
    }
    let Some(pem) = &settings.public_key_pem else {
        return Ok(None);
    };
    match algorithm.family() {
        AlgorithmFamily::Rsa => DecodingKey::from_rsa_pem(pem),
        AlgorithmFamily::Ec => DecodingKey::from_ec_pem(pem),
        _ => DecodingKey::from_ed_pem(pem),
    }
    .map(Some)
}

fn validation(settings: &AuthSettings, algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.leeway = settings.leeway_secs;
    validation.validate_exp = true;
    validation.validate_nbf = true;
    let mut required = Vec::new();
    if settings.require_expiry {
        required.push("exp");
    }
    if let Some(issuer) = &settings.issuer {
        validation.set_issuer(&[issuer]);
        required.push("iss");
    }
    if let Some(audience) = &settings.audience {
        validation.set_audience(&[audience]);
        required.push("aud");
    } else {
        validation.validate_aud = false;
    }
    validation.set_required_spec_claims(&required);
    validation
}

#[cfg(test)]
mod tests;
