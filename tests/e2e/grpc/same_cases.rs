//! The same cases through HTTP and through each method of gRPC.

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tidings_proto::tidings_v1::send_result::Result as Outcome;
use tidings_proto::tidings_v1::{SendBatchRequest, SendRequest, SendResult, StreamSendRequest};
use tidings_tests::{Answer, World, tokens};
use tonic::Status;
use tonic_types::StatusExt;
use uuid::Uuid;

use super::messages::message;
use super::{GrpcApi, code_of, grpc_code, with_token};

/// A request that both doors get.
struct Case {
    name: &'static str,
    body: Value,
    key: Option<String>,
    token: String,
    expected: &'static str,
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn cases(world: &World) -> Vec<Case> {
    let user = world.user;
    let in_app = |more: &Value| {
        let mut body = world.in_app();
        let members = body.as_object_mut().expect("an object");
        members.extend(more.as_object().expect("an object").clone());
        body
    };
    let email = |payload: Value| json!({"targetUserId": user, "type": "email", "payload": payload});
    let case = |name, body, expected| Case {
        name,
        body,
        key: None,
        token: tokens::service(),
        expected,
    };
    let hello = json!({"subject": "Hello", "text": "World"});
    let both = json!({"expiresAt": "2030-01-01T00:00:00Z", "ttlSecs": 60});
    let mut cases = vec![
        case("valid", world.in_app(), ""),
        case(
            "times",
            in_app(
                &json!({"sendAt": {"local": "2027-03-28T09:00", "timezone": "Europe/Berlin"}, "ttlSecs": 60, "group": "a", "sensitive": true}),
            ),
            "",
        ),
        case(
            "template",
            json!({"targetUserId": user, "type": "email", "payload": {"a": 1}, "template": {"name": "order", "locale": "de"}}),
            "",
        ),
        case(
            "digest",
            json!({"targetUserId": user, "type": "email", "payload": hello, "category": "security", "digest": {"key": "a"}}),
            "",
        ),
        case(
            "digest of an inbox",
            in_app(&json!({"category": "security", "digest": {"key": "a"}})),
            "invalid_fields",
        ),
        case("empty", json!({}), "missing_fields"),
        case("type", in_app(&json!({"type": "fax"})), "invalid_fields"),
        case(
            "user",
            in_app(&json!({"targetUserId": "anna"})),
            "invalid_fields",
        ),
        case(
            "payload",
            in_app(&json!({"payload": [1]})),
            "invalid_fields",
        ),
        case("subject", email(json!({"text": "World"})), "missing_fields"),
        case(
            "address",
            email(json!({"to": "anna", "subject": "a", "text": "b"})),
            "invalid_fields",
        ),
        case(
            "template of in-app",
            in_app(&json!({"template": {"name": "order"}})),
            "invalid_fields",
        ),
        case("times twice", in_app(&both), "invalid_fields"),
        case(
            "time",
            in_app(&json!({"sendAt": "tomorrow"})),
            "invalid_fields",
        ),
        case(
            "time too far",
            in_app(&json!({"sendAt": "2099-01-01T00:00:00Z"})),
            "send_at_too_far",
        ),
        case(
            "channel",
            json!({"targetUserId": user, "type": "webhook", "payload": {"event": "a", "data": {}}}),
            "channel_not_configured",
        ),
        case(
            "marketing without a link",
            json!({"targetUserId": user, "type": "email", "category": "unlinked", "payload": hello.clone()}),
            "unsubscribe_url_missing",
        ),
        case(
            "large",
            in_app(&json!({"payload": {"a": "x".repeat(70_000)}})),
            "payload_too_large",
        ),
    ];
    let of_user = |name, body, scope, expected| Case {
        token: tokens::scoped(user, scope),
        ..case(name, body, expected)
    };
    let other = in_app(&json!({"targetUserId": Uuid::now_v7()}));
    let to = json!({"to": "eve@example.com", "subject": "a", "text": "b"});
    cases.extend([
        of_user("own", world.in_app(), "notifications:send", ""),
        of_user("no scope", world.in_app(), "inbox", "forbidden"),
        of_user("another user", other, "notifications:send", "forbidden"),
        of_user("an address", email(to), "notifications:send", "forbidden"),
        Case {
            token: "a.b.c".to_owned(),
            ..case("token", world.in_app(), "unauthorized")
        },
    ]);
    let keyed = |name, body, key: &str, expected| Case {
        key: Some(key.to_owned()),
        ..case(name, body, expected)
    };
    let key = format!("key-{}", Uuid::now_v7());
    cases.extend([
        keyed("key", email(hello.clone()), &key, ""),
        keyed("key again", email(hello), &key, "replayed"),
        keyed("key reused", world.in_app(), &key, "idempotency_key_reused"),
        keyed(
            "bad key",
            world.in_app(),
            "two words",
            "invalid_idempotency_key",
        ),
    ]);
    cases
}

#[tokio::test]
async fn the_same_cases_have_the_same_results_through_both_doors() {
    let world = World::new().await;
    let sql = "INSERT INTO categories (name, kind) VALUES ('unlinked', 'marketing')";
    let created = world
        .database
        .pool
        .run(async |client| Ok(client.execute(sql, &[]).await?));
    created.await.expect("a category");
    let mut api = GrpcApi::start(&world, &[("WEBHOOK_PROVIDER", "")]).await;
    let http = api.program.client();
    for case in cases(&world) {
        let http = http.with_token(&case.token);
        let answer = match &case.key {
            Some(key) => http.post_with_key(&case.body, key).await,
            None => http.post(&case.body).await,
        };
        let name = case.name;
        let expected = by_http(&answer);
        // The other doors come later, so a key is known to them.
        let later = match (expected.0.as_str(), &case.key) {
            ("", Some(_)) => ("replayed".to_owned(), Vec::new()),
            _ => expected.clone(),
        };
        assert_eq!(expected.0, case.expected, "{name}: {}", answer.text);

        let sent = message(&case.body, case.key.as_deref());
        let request = SendRequest {
            notification: Some(sent.clone()),
        };
        let response = api.client.send(with_token(request, &case.token)).await;
        if let Err(status) = &response {
            assert_eq!(status.code(), grpc_code(answer.status), "{name}");
            let is_unavailable = answer.status == 503;
            assert_eq!(status.get_details_retry_info().is_some(), is_unavailable);
        }
        let response = response.map(|response| response.into_inner().accepted);
        if let (Ok(Some(accepted)), "replayed") = (&response, later.0.as_str()) {
            assert_eq!(accepted.message_id, answer.accepted().to_string(), "{name}");
        }
        let by_send = match response {
            Ok(accepted) => ok(accepted.expect("a result").replayed),
            Err(status) => by_status(&status),
        };
        assert_eq!(by_send, later, "{name}: Send");

        // Of several notifications, each has its own result, unless the caller is wrong.
        let is_caller = expected.0 == "unauthorized";
        let request = SendBatchRequest {
            notifications: vec![sent.clone()],
        };
        let response = api.client.send_batch(with_token(request, &case.token));
        let by_batch = match response.await {
            Ok(response) => by_result(&response.into_inner().results[0]),
            Err(status) => {
                assert!(is_caller, "{name}: {status:?}");
                by_status(&status)
            }
        };
        // A batch reads the key as a field of the item.
        if case.name == "bad key" {
            assert_eq!(by_batch.0, "invalid_fields");
        } else {
            assert_eq!(by_batch, later, "{name}: SendBatch");
        }

        let request = stream::iter([StreamSendRequest {
            notification: Some(sent),
        }]);
        let response = api.client.stream_send(with_token(request, &case.token));
        let by_stream = match response.await {
            Ok(response) => {
                let answers: Vec<_> = response.into_inner().collect().await;
                let [Ok(answer)] = &answers[..] else {
                    panic!("{name}: {answers:?}")
                };
                assert_eq!(answer.index, 0);
                by_result(answer.result.as_ref().expect("a result"))
            }
            Err(status) => {
                assert!(is_caller, "{name}: {status:?}");
                by_status(&status)
            }
        };
        assert_eq!(by_stream, later, "{name}: StreamSend");
    }
}

/// Our code, empty for an accepted notification, and the fields that it is about.
type Comparable = (String, Vec<String>);

fn ok(replayed: bool) -> Comparable {
    let code = if replayed { "replayed" } else { "" };
    (code.to_owned(), Vec::new())
}

fn by_http(answer: &Answer) -> Comparable {
    if answer.status == 202 {
        return ok(answer.header("Idempotency-Replayed") == "true");
    }
    let fields = answer.fields().into_iter().map(in_json).collect();
    let code = answer.body["code"].as_str().expect("a code");
    (code.to_owned(), fields)
}

/// The header of a key is a field of a message.
fn in_json(field: &str) -> String {
    if field == "Idempotency-Key" {
        return "idempotencyKey".to_owned();
    }
    field.to_owned()
}

fn by_status(status: &Status) -> Comparable {
    let fields = status.get_details_bad_request();
    let fields = fields
        .into_iter()
        .flat_map(|fields| fields.field_violations);
    let mut fields: Vec<_> = fields.map(|violation| violation.field).collect();
    fields.sort_unstable();
    (code_of(status), fields)
}

fn by_result(result: &SendResult) -> Comparable {
    match result.result.as_ref().expect("a result") {
        Outcome::Accepted(accepted) => ok(accepted.replayed),
        Outcome::Refused(refused) => {
            let fields = refused.details.iter();
            let mut fields: Vec<_> = fields.map(|detail| detail.field.clone()).collect();
            fields.sort_unstable();
            (refused.code.clone(), fields)
        }
    }
}
