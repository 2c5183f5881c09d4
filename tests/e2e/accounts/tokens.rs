//! The keys of tokens: none verifies the tokens of another, and rights are stated.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tidings_tests::{Program, ProgramKind, World, eventually, secs, tokens};

use super::{Account, CHEAP, SECRET, is_accepted, start};

/// HKDF (RFC 5869) by hand, so that the test knows the key without the code that it tests.
fn user_key() -> [u8; 32] {
    let extracted = hmac(b"tidings accounts", SECRET.as_bytes());
    hmac(&extracted, b"access token user-1\x01")
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let pad = |with: u8| block.map(|byte| byte ^ with);
    let inner = Sha256::digest([&pad(0x36)[..], text].concat());
    Sha256::digest([&pad(0x5c)[..], &inner[..]].concat()).into()
}

fn signed(key: &[u8], kid: Option<&str>, claims: &Value) -> String {
    let header = Header {
        kid: kid.map(str::to_owned),
        ..Header::new(Algorithm::HS256)
    };
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(key)).expect("a token")
}

/// No program listens on port 1.
const NO_DATABASE: (&str, &str) = ("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none");

#[tokio::test]
async fn while_the_ended_sessions_are_unknown_users_are_answered_with_503_and_services_served() {
    let world = World::new().await;
    let there = start(&world, &[]).await;
    let anna = Account::register(&there.client()).await;
    let settings = [&CHEAP[..], &[NO_DATABASE]].concat();
    let away = Program::start(ProgramKind::Api, world.settings(&settings)).await;
    let client = away.client();
    eventually(secs(20), "the broker is connected", async || {
        client.anonymous().get("/ready").await.status == 200
    })
    .await;
    let own = client.with_token(&anna.access);
    let answer = own.get("/api/me").await;
    answer.assert_error(503, "auth_unavailable");
    assert_eq!(
        answer
            .header("Retry-After")
            .parse::<u32>()
            .ok()
            .map(|secs| secs > 0),
        Some(true)
    );
    // Wrong tokens are still wrong, and a service is served.
    let forged = format!("{}x", anna.access);
    client
        .with_token(&forged)
        .get("/api/me")
        .await
        .assert_error(401, "unauthorized");
    let _ = client.post(&world.in_app()).await.accepted();
    assert!(is_accepted(&there.client(), &anna.access).await);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of tokens")]
async fn each_key_verifies_its_own_tokens_only() {
    let world = World::new().await;
    let api = start(&world, &[]).await;
    let client = api.client();
    let anna = Account::register(&client).await;
    let parts: Vec<&str> = anna.access.split('.').collect();
    let claims = URL_SAFE_NO_PAD.decode(parts[1]).expect("base64");
    let claims: Value = serde_json::from_slice(&claims).expect("JSON");
    let scope = "notifications:read contacts:write inbox preferences:write";
    assert_eq!(claims["scope"], scope, "no right to send");
    assert_eq!(claims["sub"], anna.id.to_string());
    assert_eq!(
        claims["exp"].as_i64(),
        claims["iat"].as_i64().map(|iat| iat + 900)
    );

    let (user_key, secret) = (user_key(), tokens::SECRET.as_bytes());
    let without = |name: &str| {
        let mut claims = claims.clone();
        claims.as_object_mut().expect("an object").remove(name);
        claims
    };
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        claims
    };
    for (what, token, accepted) in [
        (
            "the key of users",
            signed(&user_key, Some("user-1"), &claims),
            true,
        ),
        (
            "the secret of services under the name of the key",
            signed(secret, Some("user-1"), &claims),
            false,
        ),
        (
            "the key of users under no name",
            signed(&user_key, None, &claims),
            false,
        ),
        (
            "the key of users under another name",
            signed(&user_key, Some("user-2"), &claims),
            false,
        ),
        (
            "the secret of the keys",
            signed(SECRET.as_bytes(), Some("user-1"), &claims),
            false,
        ),
        (
            "without sid",
            signed(&user_key, Some("user-1"), &without("sid")),
            false,
        ),
        (
            "without scope",
            signed(&user_key, Some("user-1"), &without("scope")),
            false,
        ),
        (
            "without exp",
            signed(&user_key, Some("user-1"), &without("exp")),
            false,
        ),
        (
            "without iss",
            signed(&user_key, Some("user-1"), &without("iss")),
            false,
        ),
        (
            "another issuer",
            signed(&user_key, Some("user-1"), &with("iss", json!("x"))),
            false,
        ),
        (
            "null scope",
            signed(&user_key, Some("user-1"), &with("scope", Value::Null)),
            false,
        ),
        (
            "expired",
            signed(
                &user_key,
                Some("user-1"),
                &with("exp", json!(1_700_000_000)),
            ),
            false,
        ),
    ] {
        assert_eq!(is_accepted(&client, &token).await, accepted, "{what}");
    }
    // A service is trusted as before, and is not a user.
    let service = client.with_token(tokens::service());
    assert_eq!(service.get("/api/notifications").await.status, 200);
    service.get("/api/me").await.assert_error(403, "forbidden");
    let posted = service
        .post(&json!({"targetUserId": anna.id, "type": "in-app", "payload": {"title": "Hello"}}))
        .await;
    assert_eq!(posted.status, 202, "{}", posted.text);
    let own = client.with_token(&anna.access);
    own.post(&json!({"targetUserId": anna.id, "type": "in-app", "payload": {"title": "Hello"}}))
        .await
        .assert_error(403, "forbidden");
    assert_eq!(own.get("/api/notifications").await.status, 200);
}
