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
