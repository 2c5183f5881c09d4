//! The exact request of a webhook.

use std::collections::BTreeSet;

use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderName};
use serde_json::json;
use standardwebhooks::Webhook as Oracle;
use tidings_tests::{MockHttpServer, Received, Response};
use tidings_worker::providers::{Provider, SendOutcome};

use super::{message, sender};

const SECRETS: [&str; 2] = [
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
];

fn delivered() -> SendOutcome {
    SendOutcome::Delivered {
        reference: Some("204 No Content".to_owned()),
    }
}

fn verifies(secret: &str, request: &Received) -> bool {
    let headers: &HeaderMap = &request.headers;
    let oracle = Oracle::new(secret).expect("a secret");
    oracle.verify(&request.body, headers).is_ok()
}

#[tokio::test]
async fn a_request_follows_standard_webhooks_and_its_body_never_changes() {
    let receiver = MockHttpServer::start(|_| Response::status(204)).await;
    let sender = sender(&[("WEBHOOK_ALLOW_HOSTS", &receiver.host())]);
    let mut message = message(&receiver.url("/hooks/a%20b?c=d&e"));
    message.accepted_at = "2026-11-21T13:42:19.123456Z".parse().expect("a time");
    message.secrets = SECRETS.map(Into::into).to_vec();
    message.webhook.data = json!({"z": 1, "a": ["ü", null, 1.5], "m": {"y": true, "b": ""}}).into();

    let before = Timestamp::now().as_second();
    assert_eq!(sender.send(&message).await, delivered());
    assert_eq!(sender.send(&message).await, delivered());
    let after = Timestamp::now().as_second();

    let requests = receiver.requests();
    for request in &requests {
        assert_eq!(request.method, "POST");
        assert_eq!(request.path, "/hooks/a%20b?c=d&e");
        let names: BTreeSet<_> = request.headers.keys().map(HeaderName::as_str).collect();
        let expected = [
            "accept",
            "content-length",
            "content-type",
            "host",
            "user-agent",
            "webhook-id",
            "webhook-signature",
            "webhook-timestamp",
        ];
        assert_eq!(names, BTreeSet::from(expected));
        assert_eq!(request.header("host"), receiver.host());
        assert_eq!(request.header("content-type"), "application/json");
        assert!(request.header("user-agent").starts_with("Tidings/"));
        assert_eq!(request.header("webhook-id"), message.id.to_string());
        let timestamp: i64 = request
            .header("webhook-timestamp")
            .parse()
            .expect("seconds");
        assert!((before..=after).contains(&timestamp));
        assert_eq!(
            String::from_utf8_lossy(&request.body),
            r#"{"type":"order.shipped","timestamp":"2026-11-21T13:42:19.123456Z","data":{"a":["ü",null,1.5],"m":{"b":"","y":true},"z":1}}"#
        );
        assert_eq!(request.header("webhook-signature").split(' ').count(), 2);
        assert!(SECRETS.iter().all(|secret| verifies(secret, request)));
        assert!(!verifies("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", request));
    }
    assert_eq!(requests.len(), 2);
    assert_eq!(receiver.connections(), 1, "the connection is used again");
}

#[tokio::test]
async fn without_a_secret_a_request_is_unsigned() {
    let receiver = MockHttpServer::start(|_| Response::status(204)).await;
    let sender = sender(&[("WEBHOOK_ALLOW_NETS", "127.0.0.1")]);
    let message = message(&receiver.url("/"));
    assert_eq!(sender.send(&message).await, delivered());
    assert!(
        !receiver.requests()[0]
            .headers
            .contains_key("webhook-signature")
    );
}

#[tokio::test]
async fn an_invalid_secret_sends_nothing_and_is_not_shown() {
    let receiver = MockHttpServer::start(|_| Response::status(204)).await;
    let sender = sender(&[("WEBHOOK_ALLOW_HOSTS", &receiver.host())]);
    let mut message = message(&receiver.url("/"));
    message.secrets = vec!["hunter2".into()];
    match sender.send(&message).await {
        SendOutcome::NotSent { error } => assert!(!error.contains("hunter2"), "{error}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(receiver.connections(), 0);
}
