//! A request without a valid token gets 401 in the common error shape.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use serde_json::{Value, json};
use tidings_tests::tokens::{SECRET, signed, signed_with};
use tidings_tests::{Answer, Client, ProgramKind, World, eventually, secs};
use uuid::Uuid;

const RSA_KEY: &[u8] = include_bytes!("keys/test-only-rsa.pem");

/// Claims of a valid token.
fn claims() -> Value {
    json!({
        "userId": "9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a",
        "username": "testuser",
        "iat": 1_703_600_000,
    })
}

/// The claims with one added or replaced.
fn with(name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims();
    claims[name] = value.into();
    claims
}

fn in_seconds(seconds: i64) -> i64 {
    Timestamp::now().as_second() + seconds
}

/// A token with any header, signed by `sign`.
fn token_with_header(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> String) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = sign(signed.as_bytes());
    format!("{signed}.{signature}")
}

/// A token with the header RS256 that is signed with HMAC and the secret (algorithm confusion).
fn algorithm_confusion() -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    token_with_header(
        &json!({"alg": "RS256", "typ": "JWT"}),
        &claims(),
        |message| jsonwebtoken::crypto::sign(message, &key, Algorithm::HS256).expect("a signature"),
    )
}

fn bad_tokens() -> Vec<(&'static str, String)> {
    let rsa = EncodingKey::from_rsa_pem(RSA_KEY).expect("a key");
    let rs256 = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims(), &rsa);
    let right = signed(&claims());
    let (unsigned, _) = right.rsplit_once('.').expect("three parts");
    let mut without_user = claims();
    without_user
        .as_object_mut()
        .expect("an object")
        .remove("userId");
    let none = |alg: &str| token_with_header(&json!({"alg": alg}), &claims(), |_| String::new());
    let critical = token_with_header(&json!({"alg": "HS256", "crit": ["exp"]}), &claims(), |m| {
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        jsonwebtoken::crypto::sign(m, &key, Algorithm::HS256).expect("a signature")
    });
    vec![
        ("garbage", "garbage".to_owned()),
        ("three parts of garbage", "a.b.c".to_owned()),
        ("an empty token", String::new()),
        (
            "a wrong secret",
            signed_with(
                Algorithm::HS256,
                &claims(),
                "another secret, also long enough",
            ),
        ),
        (
            "an empty secret",
            signed_with(Algorithm::HS256, &claims(), ""),
        ),
        ("alg none", none("none")),
        ("alg None", none("None")),
        ("no signature", format!("{unsigned}.")),
        (
            "HS512 where HS256 is set",
            signed_with(Algorithm::HS512, &claims(), SECRET),
        ),
        (
            "HS384 where HS256 is set",
            signed_with(Algorithm::HS384, &claims(), SECRET),
        ),
        ("RS256 with the secret as its key", algorithm_confusion()),
        ("RS256 with a key of its own", rs256.expect("a token")),
        ("expired", signed(&with("exp", in_seconds(-3600)))),
        ("not yet valid", signed(&with("nbf", in_seconds(3600)))),
        ("no user", signed(&without_user)),
        ("an empty user", signed(&with("userId", ""))),
        ("a user that is a number", signed(&with("userId", 5))),
        ("a user that is null", signed(&with("userId", Value::Null))),
        (
            "a user that is an object",
            signed(&with("userId", json!({}))),
        ),
        ("exp that is text", signed(&with("exp", "tomorrow"))),
        ("nbf that is text", signed(&with("nbf", "yesterday"))),
        ("a scope that is a number", signed(&with("scope", 5))),
        ("a scope that is null", signed(&with("scope", Value::Null))),
        ("rights in scp", signed(&with("scp", "notifications:send"))),
        (
            "rights in scopes",
            signed(&with("scopes", json!(["admin"]))),
        ),
        ("a critical extension", critical),
        ("claims that are a list", signed(&json!([1, 2]))),
        ("claims that are text", signed(&json!("admin"))),
    ]
}

fn assert_unauthorized(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 401, "{what}: {}", answer.text);
    answer.assert_error(401, "unauthorized");
    let challenge = answer.header("WWW-Authenticate");
    assert!(challenge.starts_with("Bearer"), "{what}: {challenge:?}");
}

async fn everywhere(client: &Client, body: &Value) -> Vec<Answer> {
    let one = format!("/api/notifications/{}", Uuid::now_v7());
    vec![
        client.post(body).await,
        client.get("/api/notifications").await,
        client.get(&one).await,
    ]
}

#[tokio::test]
async fn an_invalid_token_is_refused_by_every_endpoint() {
    let (world, api) = World::shared().await;
    let body = world.in_app();
    for (what, token) in bad_tokens() {
        let client = api.client().with_token(token);
        for answer in everywhere(&client, &body).await {
            assert_unauthorized(&answer, what);
        }
    }
    for answer in everywhere(&api.client().anonymous(), &body).await {
        assert_unauthorized(&answer, "no token");
    }
    let _ = api.client().post(&body).await.accepted();
    // The messages of one queue are recorded in order: nothing before the accepted one was published.
    world.until_recorded(1).await;
}

#[tokio::test]
async fn another_scheme_or_two_tokens_are_refused() {
    let (world, api) = World::shared().await;
    let client = api.client().anonymous();
    let right = signed(&claims());
    for value in [
        "Basic dXNlcjpwYXNzd29yZA==".to_owned(),
        "Bearer".to_owned(),
        right.clone(),
        format!("Bearer {right} {right}"),
        format!("Token {right}"),
    ] {
        let request = client.request(Method::POST, "/api/notifications");
        let request = request
            .header("Authorization", &value)
            .json(&world.in_app());
        assert_unauthorized(&client.send(request).await, &value);
    }
}

/// A proxy may have checked the other one.
#[tokio::test]
async fn two_authorization_headers_are_refused() {
    let (world, api) = World::shared().await;
    let client = api.client().anonymous();
    let right = format!("Bearer {}", signed(&claims()));
    for (first, second) in [
        (right.as_str(), right.as_str()),
        (&right, "Bearer x"),
        ("Bearer x", &right),
        (&right, "Basic dXNlcjpwYXNzd29yZA=="),
        (&right, ""),
    ] {
        let request = client.request(Method::POST, "/api/notifications");
        let request = request
            .header("Authorization", first)
            .header("Authorization", second)
            .json(&world.in_app());
        assert_unauthorized(&client.send(request).await, second);
    }
}

#[tokio::test]
async fn valid_tokens_are_accepted() {
    let (world, api) = World::shared().await;
    let mut sub = with("sub", "9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a");
    sub.as_object_mut().expect("an object").remove("userId");
    for token in [
        signed(&claims()),
        signed(&sub),
        signed(&with("exp", in_seconds(60))),
        signed(&with("nbf", in_seconds(-60))),
    ] {
        let _ = api
            .client()
            .with_token(token)
            .post(&world.in_app())
            .await
            .accepted();
    }
    // RFC 9110 §11.1: the scheme's name is case-insensitive.
    let client = api.client().anonymous();
    let request = client.request(Method::POST, "/api/notifications");
    let lower = format!("bearer {}", signed(&claims()));
    let request = request.header("Authorization", lower).json(&world.in_app());
    let _ = client.send(request).await.accepted();
}

#[tokio::test]
async fn in_production_a_token_without_exp_is_refused() {
    let world = World::new().await;
    let api = world
        .start(ProgramKind::Api, &[("APP_ENV", "production")])
        .await;
    let endless = api.client().with_token(signed(&with("scope", "admin")));
    assert_unauthorized(&endless.post(&world.in_app()).await, "no exp");
    let mut ends = with("exp", in_seconds(60));
    ends["scope"] = json!("admin");
    let ends = api.client().with_token(signed(&ends));
    let _ = ends.post(&world.in_app()).await.accepted();
}

#[tokio::test]
async fn only_the_configured_algorithm_is_accepted() {
    let world = World::with(&[("JWT_ALGORITHM", "HS512")]).await;
    let api = world.api().await;
    let hs512 = signed_with(Algorithm::HS512, &claims(), SECRET);
    let _ = api
        .client()
        .with_token(hs512)
        .post(&world.in_app())
        .await
        .accepted();
    let hs256 = api.client().with_token(signed(&claims()));
    assert_unauthorized(&hs256.post(&world.in_app()).await, "HS256");
}

/// In production, a service states its rights.
#[tokio::test]
async fn in_production_a_token_without_scope_may_do_nothing_unless_the_setting_trusts_it() {
    let world = World::new().await;
    let token = signed(&with("exp", in_seconds(600)));
    for (trust, expected) in [("", 403), ("true", 202)] {
        let settings = [("APP_ENV", "production"), ("JWT_TRUST_UNSCOPED", trust)];
        let api = world.start(ProgramKind::Api, &settings).await;
        let answer = api.client().with_token(&token).post(&world.in_app()).await;
        assert_eq!(answer.status, expected, "{trust:?}: {}", answer.text);
    }
}

#[tokio::test]
async fn the_log_says_why_a_token_is_refused_without_the_token() {
    let world = World::new().await;
    let api = world.api().await;
    let token = signed(&with("scope", Value::Null));
    let client = api.client().with_token(&token);
    assert_unauthorized(&client.post(&world.in_app()).await, "null");
    eventually(secs(10), "the log line", async || {
        let lines = api.logs().with_message("token refused");
        lines.iter().any(|line| {
            let reason = line["reason"].as_str().unwrap_or_default();
            reason.contains("scope") && line["requestId"].is_string()
        })
    })
    .await;
    assert_eq!(api.logs().count(&token), 0);
}
