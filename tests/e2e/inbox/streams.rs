//! The limits and the ends of streams.

use std::time::Instant;

use futures_util::future::join_all;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use tidings_tests::{Client, World, eventually_ok, secs, tokens};
use tokio::time::timeout;
use uuid::Uuid;

use super::{notify_user, open, own, try_open};

#[tokio::test]
async fn streams_are_limited_and_end_with_their_token_and_at_sigterm() {
    let world = World::new().await;
    let mut api = world.api().await;
    let client = own(&api.client(), world.user);
    let mut streams = Vec::new();
    for _ in 0..10 {
        streams.push(open(&client, "").await);
    }
    let refused = try_open(&client, "").await.err().expect("too many");
    refused.assert_error(503, "too_many_streams");
    let other = world.database.user().await;
    let mut of_other = open(&own(&client, other), "").await;
    drop(of_other.next().await);

    // A place becomes free when a client disconnects.
    streams.truncate(9);
    let again = eventually_ok(secs(40), "another stream opens", async || {
        try_open(&client, "").await.map_err(|answer| answer.text)
    });
    streams.push(again.await);

    // A token that expires ends its stream.
    let exp = Timestamp::now().as_second() + 2;
    let token = tokens::signed(&json!({"userId": other, "scope": "inbox", "exp": exp}));
    let mut expiring = open(&client.with_token(token), "").await;
    let events = expiring.until_end().await;
    assert!(
        events.iter().all(|event| event.name == "counts"),
        "{events:?}"
    );
    assert!(Timestamp::now().as_second() >= exp);

    let metrics = api.metrics().await;
    assert_eq!(metrics.sum("tidings_inbox_streams", &[]), 11);
    api.sigterm();
    let signalled = Instant::now();
    streams.push(of_other);
    let ends = join_all(streams.iter_mut().map(async |stream| {
        stream.until_end().await;
        signalled.elapsed()
    }));
    let mut ends = ends.await;
    let status = api.exit_within(secs(20)).await;
    assert_eq!(status.code(), Some(0));
    ends.sort_unstable();
    // Not all at once: eleven equal times would need a reason. That it takes at most 5 s is shown by a clock that stands still
    // while the machine is busy, in the tests of the API.
    assert!(ends[0] < ends[10], "{ends:?}");
}

const ACCOUNTS: [(&str, &str); 4] = [
    ("ACCOUNTS", "on"),
    (
        "ACCOUNTS_SECRET",
        "7d1f0b5e93c24a6886f1d2c3b4a59687a1b2c3d4e5f60718",
    ),
    ("ARGON2_MEMORY_KIB", "64"),
    ("ARGON2_ITERATIONS", "1"),
];

/// Sends a request and returns the response, which must succeed.
async fn send(client: &Client, method: Method, path: &str, body: &Value) -> Value {
    let answer = client.send(client.request(method, path).json(body)).await;
    assert!((200..300).contains(&answer.status), "{}", answer.text);
    answer.body
}

/// A stream on which events come has no keep-alives, so that something else must ask whether it is still allowed.
#[tokio::test]
async fn streams_with_events_end_after_a_logout_and_after_the_revocation_of_a_key() {
    let world = World::with(&ACCOUNTS).await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let service = api.client();
    let account = json!({"username": "anna", "email": "anna@example.com", "password": "correct horse battery"});
    let anna = send(
        &service.anonymous(),
        Method::POST,
        "/api/auth/register",
        &account,
    )
    .await;
    let user = &anna["user"]["id"];
    let key = json!({"name": "inbox", "scopes": ["inbox"], "userId": user});
    let key = send(&service, Method::POST, "/api/keys", &key).await;
    let client_with = |token: &Value| service.with_token(token.as_str().expect("a token"));
    let mut of_session = open(&client_with(&anna["accessToken"]), "").await;
    let mut of_key = open(&client_with(&key["key"]), "").await;
    for stream in [&mut of_session, &mut of_key] {
        stream.expect("counts").await;
    }

    let logout = json!({"refreshToken": anna["refreshToken"]});
    send(
        &service.anonymous(),
        Method::POST,
        "/api/auth/logout",
        &logout,
    )
    .await;
    let path = format!("/api/keys/{}", key["id"].as_str().expect("an id"));
    send(&service, Method::DELETE, &path, &json!({})).await;
    let user: Uuid = user.as_str().expect("an id").parse().expect("a UUID");
    let events = async {
        loop {
            notify_user(&world, &service, user.into(), 1).await;
        }
    };
    let ends = async { tokio::join!(of_session.until_end(), of_key.until_end()) };
    tokio::select! {
        () = events => {}
        ended = timeout(secs(60), ends) => assert!(ended.is_ok(), "a stream goes on"),
    }
}
