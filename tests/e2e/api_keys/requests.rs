//! How a request carries a key, and which keys are refused.

use reqwest::Method;
use serde_json::json;
use tidings_domain::access::ApiKey;
use tidings_tests::{World, eventually, secs, tokens};

use super::{KEYS, create, send};

#[tokio::test]
async fn a_key_is_taken_from_either_header_and_two_credentials_are_refused() {
    let (_world, api) = World::shared().await;
    let admin = api.client();
    let key = create(&admin, &["keys:write"]).await.text;
    let anonymous = admin.anonymous();
    let get = async |headers: &[(&str, &str)]| {
        let request = anonymous.request(Method::GET, "/api/keys?limit=1");
        let add = |request: reqwest::RequestBuilder, (name, value): &(&str, &str)| {
            request.header(*name, *value)
        };
        anonymous.send(headers.iter().fold(request, add)).await
    };
    let bearer = format!("Bearer {key}");
    let token = format!("Bearer {}", tokens::service());
    for accepted in [
        ("Authorization", &*bearer),
        ("authorization", &bearer.replace("Bearer", "bearer")),
        ("X-Api-Key", &key),
    ] {
        let answer = get(&[accepted]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let service = tokens::service();
    let unknown = ApiKey::generate().expect("a key").expose();
    let mut wrong = key.clone();
    let last = wrong.pop();
    wrong.push(if last == Some('a') { 'b' } else { 'a' });
    for refused in [
        &[("X-Api-Key", &*key), ("X-Api-Key", &*key)][..],
        &[("X-Api-Key", &key), ("Authorization", &bearer)],
        &[("X-Api-Key", &key), ("Authorization", &token)],
        &[("X-Api-Key", &key), ("Authorization", "Basic YTpi")],
        &[("Authorization", &bearer), ("Authorization", &bearer)],
        &[("Authorization", &key)],
        &[("X-Api-Key", &service)],
        &[("X-Api-Key", &bearer)],
        &[("X-Api-Key", "")],
        &[("X-Api-Key", "tdk_")],
        &[("X-Api-Key", &wrong)],
        &[("X-Api-Key", &unknown)],
        &[("X-Api-Key", &key[..60])],
    ] {
        let answer = get(refused).await;
        answer.assert_error(401, "unauthorized");
        assert!(!answer.text.contains("tdk_"), "{}", answer.text);
        assert!(answer.header("WWW-Authenticate").starts_with("Bearer"));
    }
}

#[tokio::test]
async fn an_expired_key_is_refused_until_its_expiry_is_moved() {
    let (_world, api) = World::shared().await;
    let admin = api.client();
    let key = create(&admin, &["keys:write"]).await;
    let client = admin.with_token(&key.text);
    assert_eq!(client.get(KEYS).await.status, 200);
    let set = async |expiry: &str| {
        send(
            &admin,
            Method::PATCH,
            &key.path(),
            &json!({"expiresAt": expiry}),
        )
        .await
    };
    set("2020-01-01T00:00:00Z")
        .await
        .assert_error(400, "invalid_fields");
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(5);
    assert_eq!(set(&soon.to_string()).await.status, 200);
    eventually(secs(60), "the key expires", async || {
        client.get(KEYS).await.status == 401
    })
    .await;
    assert!(jiff::Timestamp::now() >= soon);
    assert_eq!(set("2999-01-01T00:00:00Z").await.status, 200);
    assert_eq!(client.get(KEYS).await.status, 200);
}

/// Everybody can calculate checksums.
#[tokio::test]
async fn unknown_keys_cause_no_query_each() {
    let world = World::new().await;
    let api = world.api().await;
    let client = api.client();
    let reads = async || api.metrics().await.sum("tidings_api_key_reads_total", &[]);
    let (before, start) = (reads().await, std::time::Instant::now());
    let refused = (0..300).map(|_| {
        let client = client.with_token(ApiKey::generate().expect("a key").expose());
        async move { client.get(KEYS).await.status }
    });
    let statuses = futures_util::future::join_all(refused).await;
    assert!(statuses.iter().all(|status| *status == 401), "{statuses:?}");
    let (reads, elapsed) = (reads().await - before, start.elapsed());
    // At most one read in 100 ms, however many requests wait.
    let most = u64::try_from(elapsed.as_millis() / 100).expect("a time") + 2;
    assert!((1..=most).contains(&reads), "{reads} in {elapsed:?}");
}
