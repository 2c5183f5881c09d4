//! Several processes, and PostgreSQL away.

use std::time::Instant;

use reqwest::Method;
use serde_json::json;
use tidings_domain::access::ApiKey;
use tidings_tests::{PrivateServer, ProgramKind, ServerKind, ServerUrls, World};
use tidings_tests::{eventually, secs};

use super::{KEYS, Key, create, send};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_a_key_are_in_force_in_another_process_within_two_seconds() {
    let world = World::new().await;
    // The setting does not delay keys.
    let slow = [("CONTROL_POLL_MS", "60000")];
    let (first, second) = tokio::join!(world.api(), world.start(ProgramKind::Api, &slow));
    let (first, second) = (first.client(), second.client());
    let key = create(&first, &["keys:write"]).await;
    let client = second.with_token(&key.text);
    // A key that memory does not know is looked up.
    assert_eq!(client.get(KEYS).await.status, 200);
    let rotated = send(
        &first,
        Method::POST,
        &format!("{}/rotate", key.path()),
        &json!({"overlapHours": 0}),
    )
    .await;
    let start = Instant::now();
    let rotated = Key::of(&rotated);
    let new = second.with_token(&rotated.text);
    assert_eq!(new.get(KEYS).await.status, 200);
    eventually(secs(2), "the old secret is refused", async || {
        client.get(KEYS).await.status == 401
    })
    .await;
    assert!(start.elapsed() < secs(2));

    let revoked = send(&first, Method::DELETE, &key.path(), &json!({})).await;
    let start = Instant::now();
    assert_eq!(revoked.body["effectiveWithinSecs"], 2);
    eventually(secs(2), "the key is refused", async || {
        new.get(KEYS).await.status == 401
    })
    .await;
    assert!(start.elapsed() < secs(2), "{:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_postgresql_is_away_a_known_key_works_and_an_unknown_one_is_a_503() {
    let postgres = PrivateServer::new(ServerKind::Postgres).await;
    let world = World::on(&postgres.among(ServerUrls::shared()), &[]).await;
    let mut api = world.api().await;
    let client = api.client();
    let known = create(&client, &["notifications:send:any"]).await;
    let unknown = ApiKey::generate().expect("a key");
    let other_secret = ApiKey::with_id(known.id.parse().expect("an id")).expect("a key");
    let status = async |key: &str| client.with_token(key).post(&world.in_app()).await;
    assert_eq!(status(&known.text).await.status, 202);
    status(&unknown.expose())
        .await
        .assert_error(401, "unauthorized");
    let frozen = postgres.freeze().await;
    let is_away = async || {
        assert_eq!(status(&known.text).await.status, 202);
        // A process that has not seen a rotation cannot know the new secret.
        for key in [&unknown, &other_secret] {
            let answer = status(&key.expose()).await;
            answer.assert_error(503, "auth_unavailable");
            assert!(!answer.header("Retry-After").is_empty());
        }
        status("tdk_typing_error")
            .await
            .assert_error(401, "unauthorized");
    };
    is_away().await;
    frozen.thaw();
    eventually(secs(20), "PostgreSQL answers again", async || {
        status(&unknown.expose()).await.status == 401
    })
    .await;
    postgres.stop().await;
    is_away().await;
    // A new process knows no key at all.
    api.stop().await;
    api.start_again().await;
    status(&known.text)
        .await
        .assert_error(503, "auth_unavailable");
    postgres.start().await;
    eventually(secs(20), "the key is known again", async || {
        let answer = status(&known.text).await;
        assert!([202, 503].contains(&answer.status), "{}", answer.text);
        answer.status == 202
    })
    .await;
    status(&unknown.expose())
        .await
        .assert_error(401, "unauthorized");
}
