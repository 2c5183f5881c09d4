use std::sync::Arc;

use jiff::Timestamp;
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
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::{Value, json};
    use tidings_domain::access::Scope;
    use tidings_settings::{AppEnv, Reader};

    use super::*;

    const SECRET: &str = "4f9c1b7e2a8d6053f1e7c9b2a4d8063e5b7a9c1d";

    fn verifier(environment: AppEnv) -> Verifier {
        verifier_with(environment, "")
    }

    fn verifier_with(environment: AppEnv, trust_unscoped: &str) -> Verifier {
        let vars = [
            ("JWT_SECRET", SECRET),
            ("JWT_TRUST_UNSCOPED", trust_unscoped),
        ];
        let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let settings = AuthSettings::read(&mut Reader::from_vars(vars), environment);
        Verifier::new(&settings.expect("settings")).expect("a verifier")
    }

    fn token(algorithm: Algorithm, secret: &str, claims: &Value) -> String {
        let key = EncodingKey::from_secret(secret.as_bytes());
        encode(&Header::new(algorithm), claims, &key).expect("signed")
    }

    fn accepted(claims: &Value) -> bool {
        let token = token(Algorithm::HS256, SECRET, claims);
        verifier(AppEnv::Development).verify(&token).is_ok()
    }

    fn now() -> i64 {
        jiff::Timestamp::now().as_second()
    }

    #[test]
    fn the_example_token_is_accepted_in_development_and_needs_an_expiry_in_production() {
        let claims = json!({"userId": "9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a", "username": "testuser", "iat": 1_703_600_000});
        assert!(accepted(&claims));
        let token_without = token(Algorithm::HS256, SECRET, &claims);
        assert!(verifier(AppEnv::Production).verify(&token_without).is_err());
        let mut with_expiry = claims;
        with_expiry["exp"] = json!(now() + 60);
        let token = token(Algorithm::HS256, SECRET, &with_expiry);
        assert!(verifier(AppEnv::Production).verify(&token).is_ok());
    }

    #[test]
    fn only_the_configured_algorithm_and_secret_are_accepted() {
        let claims = json!({"sub": "orders"});
        let verify = |token: &str| verifier(AppEnv::Development).verify(token).is_ok();
        assert!(verify(&token(Algorithm::HS256, SECRET, &claims)));
        assert!(!verify(&token(Algorithm::HS512, SECRET, &claims)));
        assert!(!verify(&token(Algorithm::HS256, "another secret", &claims)));
        assert!(!verify("eyJhbGciOiJub25lIn0.eyJzdWIiOiJvcmRlcnMifQ."));
        assert!(!verify("garbage"));
    }

    #[test]
    fn times_are_checked_if_they_are_given() {
        assert!(accepted(
            &json!({"sub": "a", "exp": now() + 60, "nbf": now() - 60})
        ));
        assert!(!accepted(&json!({"sub": "a", "exp": now() - 60})));
        assert!(!accepted(&json!({"sub": "a", "nbf": now() + 60})));
    }

    #[test]
    fn a_cached_token_is_accepted_again_and_another_token_is_not() {
        let verifier = verifier(AppEnv::Development);
        let claims = json!({"sub": "orders", "scope": "notifications:send", "exp": now() + 60});
        let token = token(Algorithm::HS256, SECRET, &claims);
        for _ in 0..2 {
            let caller = verifier.verify(&token).expect("valid");
            assert_eq!(caller.subject(), "orders");
            assert!(caller.check(Scope::TemplatesWrite).is_err());
        }
        let mut forged = token.clone();
        let last = forged.pop();
        forged.push(if last == Some('A') { 'E' } else { 'A' });
        assert!(verifier.verify(&forged).is_err());
        assert!(verifier.verify(&token[..token.len() - 1]).is_err());
    }

    #[test]
    fn claims_of_wrong_types_and_missing_users_are_refused() {
        for claims in [
            json!({}),
            json!({"sub": ""}),
            json!({"userId": 7}),
            json!({"sub": "a", "scope": ["x"]}),
            json!({"sub": "a", "exp": "tomorrow"}),
            json!({"sub": "a", "nbf": true}),
        ] {
            assert!(!accepted(&claims), "{claims}");
        }
    }

    #[test]
    fn no_token_has_the_subject_of_a_key() {
        for (subject, refused) in [
            ("key:0123456789", true),
            ("key:", true),
            ("Key:0123456789", false),
            ("keys", false),
        ] {
            for claims in [
                json!({"sub": subject}),
                json!({"userId": subject, "sub": "a", "scope": "admin"}),
            ] {
                let token = token(Algorithm::HS256, SECRET, &claims);
                let result = verifier(AppEnv::Development).verify(&token);
                let expected = refused.then_some(InvalidToken::ReservedSubject);
                assert_eq!(result.err(), expected, "{claims}");
            }
        }
    }

    #[test]
    fn a_token_without_scope_is_trusted_only_if_the_setting_says_so() {
        let claims = json!({"sub": "orders", "exp": now() + 60});
        let token = token(Algorithm::HS256, SECRET, &claims);
        for (environment, setting, trusted) in [
            (AppEnv::Development, "", true),
            (AppEnv::Development, "false", false),
            (AppEnv::Production, "", false),
            (AppEnv::Production, "true", true),
        ] {
            let caller = verifier_with(environment, setting).verify(&token);
            let caller = caller.expect("the token itself is valid");
            let may = caller.check(Scope::TemplatesWrite).is_ok();
            assert_eq!(may, trusted, "{environment:?} {setting:?}");
        }
    }

    /// Issuers of company-wide tokens list the groups of a person in every token. They are no rights of this API.
    #[test]
    fn roles_and_groups_neither_give_rights_nor_take_them() {
        let more = json!({"role": "reader", "roles": ["admin"], "groups": []});
        for (claims, trusted) in [
            (json!({"sub": "orders"}), true),
            (
                json!({"sub": "orders", "scope": "notifications:send"}),
                false,
            ),
        ] {
            let mut claims: serde_json::Map<String, Value> =
                serde_json::from_value(claims).expect("an object");
            claims.extend(more.as_object().expect("an object").clone());
            let token = token(Algorithm::HS256, SECRET, &claims.into());
            let caller = verifier(AppEnv::Development).verify(&token);
            let caller = caller.expect("the token is valid");
            assert_eq!(caller.check(Scope::TemplatesWrite).is_ok(), trusted);
        }
    }

    #[test]
    fn rights_that_are_null_or_in_another_claim_are_refused() {
        let refused = |claims: Value| {
            let token = token(Algorithm::HS256, SECRET, &claims);
            verifier(AppEnv::Development).verify(&token).err()
        };
        assert_eq!(
            refused(json!({"sub": "a", "scope": null})),
            Some(InvalidToken::NullScope)
        );
        for name in [
            "scp",
            "scopes",
            "permissions",
            "permission",
            "Scope",
            "SCP",
            "scope ",
            "\u{feff}scope",
            "_scope",
            "https://example.com/scope",
            "urn:example:Scopes",
        ] {
            for value in [json!("notifications:send"), json!([]), Value::Null] {
                let expected = Some(InvalidToken::RightsElsewhere(name.to_owned()));
                assert_eq!(refused(json!({"sub": "a", name: value})), expected);
            }
        }
        // `scope` states the rights. What other programs read beside it does not matter.
        let both = json!({"sub": "a", "scope": "notifications:read", "scp": ["admin"]});
        assert_eq!(refused(both), None);
    }

    #[test]
    fn a_critical_header_is_refused_whatever_it_names() {
        let claims = json!({"sub": "orders"});
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        for crit in [json!(["exp"]), json!(["b64"]), json!([]), Value::Null] {
            let header = json!({"alg": "HS256", "crit": crit}).to_string();
            let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
            let message = format!("{}.{}", part(&header), part(&claims.to_string()));
            let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256);
            let token = format!("{message}.{}", signature.expect("signed"));
            let refused = verifier(AppEnv::Development).verify(&token).err();
            assert_eq!(refused, Some(InvalidToken::CriticalHeader), "{header}");
        }
    }

    #[test]
    fn the_reason_contains_no_value_of_the_token() {
        for (claims, expected) in [
            (
                json!({"sub": "a", "exp": "hunter2"}),
                InvalidToken::WrongType,
            ),
            (json!({"sub": "a", "exp": 1}), InvalidToken::Expired),
            (
                json!({"sub": "a", "nbf": now() + 60}),
                InvalidToken::NotYetValid,
            ),
            (
                json!({"name": "hunter2"}),
                InvalidToken::MissingClaim("userId or sub".to_owned()),
            ),
        ] {
            let token = token(Algorithm::HS256, SECRET, &claims);
            let reason = verifier(AppEnv::Development).verify(&token).err();
            assert!(!format!("{reason:?}").contains("hunter2"));
            assert_eq!(reason, Some(expected));
        }
    }
}
