mod responses;
mod tokens;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::SignedDuration;
use serde_json::{Value, json};
use tidings_domain::content::Push;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::super::test_server::{
    SHORT_TIMEOUT, TIMEOUT, base_url, header, id, json_response, retry_after_of, summary,
    unreachable_url,
};
use super::*;

/// A public key pair for tests.
pub(super) const PRIVATE_KEY: &str = include_str!("../../../../tests/e2e/keys/test-only-rsa.pem");
const PUBLIC_KEY: &str = include_str!("../../../../tests/e2e/keys/test-only-rsa.pub.pem");

const DEVICE: &str = "device-token:APA91b_of-the-tests";
const SEND: &str = "/v1/projects/demo-project/messages:send";
const TOKEN: &str = "/token";
const NAME: &str = "projects/demo-project/messages/0:1500415314455276%31bd1c9631bd1c96";

/// A key file in the format of the Firebase console.
pub(super) fn account_file(token_uri: &str) -> Value {
    json!({
        "type": "service_account",
        "project_id": "demo-project",
        "private_key_id": "0123456789abcdef",
        "private_key": PRIVATE_KEY,
        "client_email": "push@demo-project.iam.gserviceaccount.com",
        "client_id": "123456789012345678901",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": token_uri,
    })
}

fn settings(server: &MockServer) -> FcmSettings {
    let file = account_file(&format!("{}{TOKEN}", server.uri()));
    FcmSettings {
        account: ServiceAccount::parse(&file.to_string()).expect("a key file"),
        base_url: base_url(server),
    }
}

fn fcm(server: &MockServer, timeout: Duration) -> Fcm {
    Fcm::new(settings(server), timeout).expect("a client")
}

fn message() -> PushMessage {
    let data = [("orderId", "42"), ("paid", "true")];
    let data = data.map(|(name, value)| (name.to_owned(), value.to_owned()));
    PushMessage {
        id: id(),
        to: DEVICE.parse().expect("right"),
        push: Push {
            to: None,
            title: "Shipped".to_owned(),
            body: "Your order is on its way".to_owned(),
            data: BTreeMap::from(data),
        },
        expires_at: None,
    }
}

/// Issues access tokens `ya29.1`, `ya29.2` and so on.
fn tokens(expires_in: u64) -> impl Respond {
    let given = AtomicUsize::new(0);
    move |_: &Request| {
        let number = given.fetch_add(1, Ordering::SeqCst) + 1;
        let token = format!("ya29.{number}");
        json_response(
            200,
            &json!({"access_token": token, "expires_in": expires_in, "token_type": "Bearer"}),
        )
    }
}

/// A server for tokens and messages.
async fn google(token: impl Respond + 'static, send: impl Respond + 'static) -> MockServer {
    let server = MockServer::start().await;
    let post = |at: &str| Mock::given(method("POST")).and(path(at.to_owned()));
    post(TOKEN).respond_with(token).mount(&server).await;
    post(SEND).respond_with(send).mount(&server).await;
    server
}

fn accepted() -> ResponseTemplate {
    json_response(200, &json!({"name": NAME}))
}

/// The requests that `server` received at `at`.
async fn requests(server: &MockServer, at: &str) -> Vec<Request> {
    let requests = server.received_requests().await.expect("recorded");
    let there = requests.into_iter().filter(|r| r.url.path() == at);
    there.collect()
}

/// The number of requests for tokens and for messages that `server` received.
async fn counts(server: &MockServer) -> (usize, usize) {
    let tokens = requests(server, TOKEN).await.len();
    (tokens, requests(server, SEND).await.len())
}

/// Sends many messages concurrently.
async fn send_many(fcm: &Arc<Fcm>, many: usize) -> Vec<SendOutcome> {
    let sends = (0..many).map(|_| {
        let fcm = fcm.clone();
        async move { fcm.send(&message()).await }
    });
    futures_util::future::join_all(sends).await
}

#[tokio::test]
async fn a_message_that_expires_says_how_long_the_service_may_keep_it() {
    let server = google(tokens(3599), accepted()).await;
    let fcm = fcm(&server, TIMEOUT);
    let bodies = async |expires_at| {
        let outcome = fcm
            .send(&PushMessage {
                expires_at,
                ..message()
            })
            .await;
        assert_eq!(summary(&outcome), ("delivered", NAME));
        let sent = requests(&server, SEND).await;
        serde_json::from_slice::<Value>(&sent[sent.len() - 1].body).expect("JSON")["message"]
            .clone()
    };
    let never = bodies(None).await;
    assert_eq!(never["android"]["ttl"], Value::Null);
    let in_an_hour = Timestamp::now() + SignedDuration::from_hours(1);
    let expiring = bodies(Some(in_an_hour)).await;
    let expiration = in_an_hour.as_second().to_string();
    assert_eq!(expiring["apns"]["headers"]["apns-expiration"], expiration);
    for ttl in [
        &expiring["android"]["ttl"],
        &expiring["webpush"]["headers"]["TTL"],
    ] {
        let seconds: i64 = ttl
            .as_str()
            .expect("text")
            .trim_end_matches('s')
            .parse()
            .expect("a number");
        assert!((3000..=3600).contains(&seconds), "{ttl}");
    }
    let in_a_year = Timestamp::now() + SignedDuration::from_hours(24 * 365);
    assert_eq!(bodies(Some(in_a_year)).await["android"]["ttl"], "2419200s");
    let over = Timestamp::now() - SignedDuration::from_hours(1);
    assert_eq!(bodies(Some(over)).await["android"]["ttl"], "0s");
}

#[tokio::test]
async fn a_push_message_is_one_post_with_the_access_token_as_bearer() {
    let server = google(tokens(3599), accepted()).await;
    let outcome = fcm(&server, TIMEOUT).send(&message()).await;
    assert_eq!(summary(&outcome), ("delivered", NAME));

    let sent = requests(&server, SEND).await;
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].method.as_str(), "POST");
    assert_eq!(sent[0].url.query(), None);
    assert_eq!(header(&sent[0], "authorization"), "Bearer ya29.1");
    assert_eq!(header(&sent[0], "content-type"), "application/json");
    let body: Value = serde_json::from_slice(&sent[0].body).expect("JSON");
    let id = "0192f3a4-5b6c-7d8e-9fa0-b1c2d3e4f506";
    let expected = json!({"message": {
        "token": DEVICE,
        "notification": {"title": "Shipped", "body": "Your order is on its way"},
        "data": {"orderId": "42", "paid": "true"},
        "android": {"notification": {"tag": id}},
        "apns": {"headers": {"apns-collapse-id": id}},
        "webpush": {"notification": {"tag": id}},
    }});
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_message_without_data_has_no_data_member() {
    let server = google(tokens(3599), accepted()).await;
    let mut message = message();
    message.push.data.clear();
    fcm(&server, TIMEOUT).send(&message).await;
    let sent = requests(&server, SEND).await;
    let body: Value = serde_json::from_slice(&sent[0].body).expect("JSON");
    assert_eq!(body["message"].get("data"), None);
}

#[tokio::test]
async fn no_response_to_a_written_message_is_unknown() {
    let never = ResponseTemplate::new(200).set_delay(Duration::from_hours(1));
    let server = google(tokens(3599), never).await;
    let fcm = fcm(&server, SHORT_TIMEOUT);
    let later = Instant::now() + TIMEOUT;
    fcm.tokens.get(later, None).await.expect("a token");
    let outcome = fcm.send(&message()).await;
    let (what, error) = summary(&outcome);
    assert_eq!(what, "unknown", "{error}");
    assert!(!error.contains("demo-project"), "{error}");
}

#[tokio::test]
async fn a_connection_that_is_refused_is_a_failure() {
    let server = google(tokens(3599), accepted()).await;
    let mut settings = settings(&server);
    settings.base_url = unreachable_url();
    let fcm = Fcm::new(settings, TIMEOUT).expect("a client");
    assert_eq!(summary(&fcm.send(&message()).await).0, "failed");
}

#[tokio::test]
async fn debug_output_hides_key_and_device() {
    let server = google(tokens(3599), accepted()).await;
    let shown = format!("{:?} {:?}", settings(&server), message());
    for hidden in ["PRIVATE KEY", DEVICE] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}
