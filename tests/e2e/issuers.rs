//! Tokens of an issuer with its own key.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tidings_domain::notification::{Channel, UserId};
use tidings_tests::tokens::{signed, signed_with};
use tidings_tests::{Client, World, notification};

const PRIVATE_KEY: &[u8] = include_bytes!("keys/test-only-rsa.pem");
const PUBLIC_KEY: &str = include_str!("keys/test-only-rsa.pub.pem");
const PUBLIC_KEY_FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/e2e/keys/test-only-rsa.pub.pem"
);

fn by_issuer(claims: &Value) -> String {
    let key = EncodingKey::from_rsa_pem(PRIVATE_KEY).expect("a key");
    jsonwebtoken::encode(&Header::new(Algorithm::RS256), claims, &key).expect("a token")
}

async fn posting_as(client: &Client, token: String, to: UserId) -> u16 {
    let client = client.with_token(token);
    client.post(&notification(to, Channel::InApp)).await.status
}

#[tokio::test]
async fn an_issuers_token_is_limited_to_its_scopes() {
    let world = World::with(&[
        ("JWT_ALGORITHM", "RS256"),
        ("JWT_PUBLIC_KEY_FILE", PUBLIC_KEY_FILE),
    ])
    .await;
    let api = world.api().await;
    let (client, user) = (api.client(), world.user);
    let with_scope = by_issuer(&json!({"sub": user, "scope": "notifications:send"}));
    assert_eq!(posting_as(&client, with_scope, user).await, 202);
    // A token without scopes is a trusted service only if it is signed with the shared secret.
    let without = by_issuer(&json!({"sub": user}));
    assert_eq!(posting_as(&client, without, user).await, 403);
}

/// The public key is not secret and must never be accepted as an HMAC secret.
#[tokio::test]
async fn the_public_key_is_not_accepted_as_an_hmac_secret() {
    for algorithms in ["RS256", "RS256,HS256"] {
        let world = World::with(&[
            ("JWT_ALGORITHM", algorithms),
            ("JWT_PUBLIC_KEY_FILE", PUBLIC_KEY_FILE),
        ])
        .await;
        let api = world.api().await;
        let claims = json!({"sub": world.user, "scope": "admin"});
        for secret in [PUBLIC_KEY, PUBLIC_KEY.trim_end()] {
            let forged = signed_with(Algorithm::HS256, &claims, secret);
            assert_eq!(posting_as(&api.client(), forged, world.user).await, 401);
        }
        let shared = posting_as(&api.client(), signed(&claims), world.user).await;
        let expected = if algorithms == "RS256" { 401 } else { 202 };
        assert_eq!(shared, expected, "{algorithms}");
    }
}

#[tokio::test]
async fn issuer_and_audience_are_checked_if_they_are_configured() {
    let world = World::with(&[
        ("JWT_ISSUER", "https://issuer"),
        ("JWT_AUDIENCE", "tidings"),
    ])
    .await;
    let api = world.api().await;
    let user = world.user;
    for (issuer, audience, expected) in [
        (json!("https://issuer"), json!("tidings"), 202),
        (json!("https://issuer"), json!(["other", "tidings"]), 202),
        (json!("https://other"), json!("tidings"), 401),
        (json!("https://issuer"), json!("other"), 401),
        (Value::Null, json!("tidings"), 401),
        (json!("https://issuer"), Value::Null, 401),
    ] {
        let mut claims = json!({"sub": user, "iss": issuer, "aud": audience});
        // A claim is absent instead of null.
        let members = claims.as_object_mut().expect("an object");
        members.retain(|_, value| !value.is_null());
        let status = posting_as(&api.client(), signed(&claims), user).await;
        assert_eq!(status, expected, "{claims}");
    }
}
