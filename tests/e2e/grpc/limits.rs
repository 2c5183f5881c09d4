//! What a stranger can send is limited.

use std::io::{Read, Write};
use std::net::TcpStream;

use tidings_proto::tidings_v1::{NewNotification, SendBatchRequest, SendRequest};
use tidings_proto::user::LoginRequest;
use tidings_proto::user::user_service_client::UserServiceClient;
use tidings_tests::{World, secs};
use tonic::Code;
use tonic_types::StatusExt;

use super::messages::message;
use super::{GrpcApi, authorized, channel, code_of, port, with_token};

fn of_size(bytes: usize) -> NewNotification {
    NewNotification {
        payload: Some(format!("{{\"a\": \"{}\"}}", "x".repeat(bytes))),
        ..NewNotification::default()
    }
}

#[tokio::test]
async fn what_a_client_sends_is_limited_and_later_calls_succeed() {
    let world = World::new().await;
    let mut api = GrpcApi::start(&world, &[]).await;

    let message_of = |bytes| SendRequest {
        notification: Some(of_size(bytes)),
    };
    // Larger than a message, and larger than a notification.
    for bytes in [5 << 20, 100_000] {
        let status = api.client.send(authorized(message_of(bytes))).await;
        let status = status.expect_err("too large");
        assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
        assert_eq!(code_of(&status), "payload_too_large");
    }

    let batch = SendBatchRequest {
        notifications: vec![NewNotification::default(); 1001],
    };
    let status = api.client.send_batch(authorized(batch)).await;
    let status = status.expect_err("too many");
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(code_of(&status), "invalid_fields");

    // A stranger may send less than a caller.
    let mut users = UserServiceClient::new(channel(&api.program).await);
    let login = LoginRequest {
        email: "x".repeat(100_000),
        password: "a".to_owned(),
    };
    let status = users.login(login).await.expect_err("too large");
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");

    // Not a call at all, and a call without an end.
    let mut plain = TcpStream::connect(("127.0.0.1", port(&api.program))).expect("a connection");
    plain.set_read_timeout(Some(secs(30))).expect("a timeout");
    plain
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .expect("sent");
    let mut answer = Vec::new();
    // A reset is an end, too.
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/1.1 200"));

    // One token, in one header.
    let mut twice = with_token(SendRequest::default(), "a.b.c");
    let value = twice.metadata().get("authorization").expect("it").clone();
    twice.metadata_mut().append("authorization", value);
    let status = api.client.send(twice).await.expect_err("two tokens");
    assert_eq!(code_of(&status), "unauthorized");
    // A key in the metadata is not ignored.
    let mut keyed = authorized(SendRequest::default());
    let key = "order-17".parse().expect("ASCII");
    keyed.metadata_mut().insert("idempotency-key", key);
    let status = api.client.send(keyed).await.expect_err("a key");
    assert_eq!(code_of(&status), "invalid_idempotency_key");

    let valid = SendRequest {
        notification: Some(message(&world.in_app(), None)),
    };
    let sent = api.client.send(authorized(valid)).await;
    assert!(sent.is_ok(), "{sent:?}");
}

/// 500 calls take 50 s at this rate, of which a tenth of a minute may come at once.
#[tokio::test]
async fn a_call_beyond_the_limit_of_its_caller_is_resource_exhausted_and_says_when_to_try_again() {
    let world = World::with(&[("RATE_LIMIT_PER_CALLER", "600")]).await;
    let mut api = GrpcApi::start(&world, &[]).await;
    let batch = SendBatchRequest {
        notifications: vec![message(&world.in_app(), None); 500],
    };
    let accepted = api.client.send_batch(authorized(batch)).await;
    assert!(accepted.is_ok(), "{accepted:?}");
    let next = SendRequest {
        notification: Some(message(&world.in_app(), None)),
    };
    let status = api.client.send(authorized(next)).await;
    let status = status.expect_err("the batch is not paid for yet");
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert_eq!(code_of(&status), "rate_limited");
    let retry = status.get_details_retry_info();
    let delay = retry.and_then(|info| info.retry_delay).expect("a delay");
    assert!(delay >= secs(1), "{delay:?}");
}
