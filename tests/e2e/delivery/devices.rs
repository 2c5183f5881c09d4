//! Push messages to all devices of a user.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tidings_tests::{Client, MockHttpServer, Received, Response, World, outcomes};

const KEY: &str = include_str!("../keys/test-only-rsa.pem");

fn answer(status: u16, body: &Value) -> Response {
    Response::status(status)
        .header("content-type", "application/json")
        .body(body.to_string())
}

/// The response of Google's token endpoint.
fn access_token() -> Response {
    answer(
        200,
        &json!({"access_token": "a-token", "expires_in": 3600, "token_type": "Bearer"}),
    )
}

/// FCM's response to an accepted message.
fn accepted_response() -> Response {
    answer(200, &json!({"name": "projects/demo/messages/1"}))
}

/// An error response of FCM (`FcmError`).
fn error(status: u16, code: &str) -> Response {
    let kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError";
    let details = json!([{"@type": kind, "errorCode": code}]);
    answer(
        status,
        &json!({"error": {"code": status, "message": code, "status": code, "details": details}}),
    )
}

fn token_of(request: &Received) -> String {
    request.json()["message"]["token"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// Starts an FCM whose responses `of_device` determines.
async fn fcm(of_device: impl Fn(&str) -> Response + Send + Sync + 'static) -> MockHttpServer {
    MockHttpServer::start(move |request| match request.path.as_str() {
        "/token" => access_token(),
        _ => of_device(&token_of(request)),
    })
    .await
}

async fn world(fcm: &MockHttpServer, file: &tempfile::NamedTempFile) -> World {
    let account = json!({
        "type": "service_account",
        "project_id": "demo",
        "private_key_id": "1",
        "private_key": KEY,
        "client_email": "tidings@demo.iam.gserviceaccount.com",
        "token_uri": fcm.url("/token"),
    });
    std::fs::write(file.path(), account.to_string()).expect("a file");
    World::with(&[
        ("PUSH_PROVIDER", "fcm"),
        ("WORKER_CHANNELS", "intake,push"),
        (
            "FCM_SERVICE_ACCOUNT_FILE",
            file.path().to_str().expect("UTF-8"),
        ),
        ("FCM_BASE_URL", &fcm.url("")),
        ("RETRY_BASE_DELAY_MS", "50"),
    ])
    .await
}

async fn register(client: &Client, world: &World, token: &str) {
    let path = format!("/api/users/{}/contacts/device-tokens", world.user);
    let request = client
        .request(reqwest::Method::POST, &path)
        .json(&json!({"token": token}));
    let answer = client.send(request).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
}

fn push(world: &World) -> Value {
    json!({
        "targetUserId": world.user,
        "type": "push",
        "payload": {"title": "Your order", "body": "It has shipped!"},
    })
}

fn sent_to(fcm: &MockHttpServer, token: &str) -> usize {
    let requests = fcm.requests();
    requests
        .iter()
        .filter(|request| token_of(request) == token)
        .count()
}

#[tokio::test]
async fn a_retry_goes_only_to_devices_that_were_not_reached() {
    let seen = AtomicUsize::new(0);
    let fcm = fcm(move |token| match token {
        "flaky" if seen.fetch_add(1, Ordering::SeqCst) < 2 => error(500, "INTERNAL"),
        _ => accepted_response(),
    })
    .await;
    let file = tempfile::NamedTempFile::new().expect("a file");
    let world = world(&fcm, &file).await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    for token in ["steady", "flaky"] {
        register(&api.client(), &world, token).await;
    }
    let id = api.client().post(&push(&world)).await.accepted();
    world.until_status(id, "processed").await;
    assert_eq!((sent_to(&fcm, "steady"), sent_to(&fcm, "flaky")), (1, 3));
    let attempts = api.client().attempts(id).await;
    let mut first = outcomes(&attempts[..2]);
    first.sort_unstable();
    assert_eq!(first, [(0, "delivered"), (0, "failed")]);
    assert_eq!(outcomes(&attempts[2..]), [(1, "failed"), (2, "delivered")]);
}

#[tokio::test]
async fn an_unregistered_device_is_deleted_and_the_others_are_reached() {
    let fcm = fcm(|token| match token {
        "gone" => error(404, "UNREGISTERED"),
        _ => accepted_response(),
    })
    .await;
    let file = tempfile::NamedTempFile::new().expect("a file");
    let world = world(&fcm, &file).await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    for token in ["gone", "here"] {
        register(&api.client(), &world, token).await;
    }
    let id = api.client().post(&push(&world)).await.accepted();
    world.until_status(id, "processed").await;
    let path = format!("/api/users/{}/contacts", world.user);
    let contacts = api.client().get(&path).await.body;
    let tokens = contacts["deviceTokens"].as_array().expect("tokens");
    assert_eq!(tokens.len(), 1, "{contacts}");
    assert_eq!(tokens[0]["token"], "here");

    let path = format!(
        "{path}/device-tokens/{}",
        tokens[0]["id"].as_str().expect("an id")
    );
    let client = api.client();
    let removed = client
        .send(client.request(reqwest::Method::DELETE, &path))
        .await;
    assert_eq!(removed.status, 204);
    let id = client.post(&push(&world)).await.accepted();
    world.until_status(id, "failed").await;
    let row = client.get(&format!("/api/notifications/{id}")).await;
    let error = row.body["errorMessage"].as_str().expect("an error");
    assert!(error.starts_with("no_recipient: "), "{error}");
}
