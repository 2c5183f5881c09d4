//! The responses of `POST /api/notifications`.

use reqwest::Method;
use serde_json::json;
use tidings_domain::notification::Channel;
use tidings_tests::{World, notification};

const JSON: &str = "application/json";

#[tokio::test]
async fn a_202_has_the_message_id_and_the_location() {
    let (world, api) = World::shared().await;
    for channel in Channel::ALL {
        let answer = api.client().post(&notification(world.user, channel)).await;
        let id = answer.accepted();
        let expected = json!({
            "messageId": id,
            "status": "queued",
            "message": "Notification accepted for processing",
        });
        assert_eq!(answer.body, expected);
        assert_eq!(
            answer.header("Location"),
            format!("/api/notifications/{id}")
        );
        assert!(answer.header("Content-Type").starts_with(JSON));
    }
    world.until_recorded(5).await;
}

#[tokio::test]
async fn all_missing_fields_are_named() {
    let (world, api) = World::shared().await;
    let answer = api.client().post(&json!({})).await;
    answer.assert_error(400, "missing_fields");
    assert_eq!(answer.fields(), ["payload", "targetUserId", "type"]);
    let message = answer.body["message"].as_str().expect("a message");
    for field in answer.fields() {
        assert!(message.contains(field), "{message}");
    }
    let mut body = world.in_app();
    body.as_object_mut().expect("an object").remove("type");
    let answer = api.client().post(&body).await;
    answer.assert_error(400, "missing_fields");
    assert_eq!(answer.fields(), ["type"]);
}

#[tokio::test]
async fn all_invalid_fields_are_named_and_the_channels_are_listed() {
    let (_world, api) = World::shared().await;
    let wrong = json!({"targetUserId": "me", "type": "pigeon", "payload": ["no object"]});
    let answer = api.client().post(&wrong).await;
    answer.assert_error(400, "invalid_fields");
    assert_eq!(answer.fields(), ["payload", "targetUserId", "type"]);
    for channel in Channel::ALL {
        assert!(answer.text.contains(channel.as_str()), "{}", answer.text);
    }
}

#[tokio::test]
async fn an_invalid_field_is_named() {
    let (world, api) = World::shared().await;
    for (field, value) in [
        ("targetUserId", json!(null)),
        ("targetUserId", json!(17)),
        ("targetUserId", json!("")),
        ("targetUserId", json!("9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5")),
        ("type", json!(null)),
        ("type", json!("IN-APP")),
        ("type", json!(["email"])),
        ("payload", json!(null)),
        ("payload", json!("text")),
        ("payload", json!(1)),
    ] {
        let mut body = world.in_app();
        body[field] = value;
        let answer = api.client().post(&body).await;
        answer.assert_error(400, "invalid_fields");
        assert_eq!(answer.fields(), [field], "{body}");
    }
}

#[tokio::test]
async fn unknown_and_repeated_fields_are_named() {
    let (world, api) = World::shared().await;
    let mut body = world.in_app();
    body["targetUserID"] = json!("a typo");
    body["colour"] = json!("red");
    let answer = api.client().post(&body).await;
    answer.assert_error(400, "unknown_fields");
    assert_eq!(answer.fields(), ["colour", "targetUserID"]);

    let good = world.in_app().to_string();
    let body = good.replacen('{', r#"{"type":"in-app","#, 1);
    let answer = api.client().post_raw(JSON, body).await;
    answer.assert_error(400, "repeated_fields");
    assert_eq!(answer.fields(), ["type"]);
}

#[tokio::test]
async fn problems_of_several_kinds_are_reported_together() {
    let (_world, api) = World::shared().await;
    let body = r#"{"type": "pigeon", "colour": 1, "payload": {}, "payload": {}}"#;
    let answer = api.client().post_raw(JSON, body).await;
    answer.assert_error(400, "invalid_request");
    assert_eq!(
        answer.fields(),
        ["colour", "payload", "targetUserId", "type"]
    );
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    let (_world, api) = World::shared().await;
    let bodies: [&[u8]; 6] = [
        b"",
        b"{\"type\":",
        b"hello",
        b"{} {}",
        b"{\"type\": \"sms\",}",
        b"{\"type\": \"\xff\"}",
    ];
    for body in bodies {
        let answer = api.client().post_raw(JSON, body).await;
        answer.assert_error(400, "invalid_json");
    }
}

#[tokio::test]
async fn json_that_is_not_an_object_is_refused() {
    let (_world, api) = World::shared().await;
    for body in ["[]", "null", "17", "\"text\"", "true", "[{}]"] {
        let answer = api.client().post_raw(JSON, body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
        answer.assert_error_shape();
    }
}

/// A payload that the database cannot store must not be accepted, because its sender would not learn that it
/// failed.
#[tokio::test]
async fn a_payload_that_cannot_be_stored_is_refused() {
    let (world, api) = World::shared().await;
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for value in [
        r#""\u0000""#,
        r#""\ud800""#,
        r#""\udc00\ud800""#,
        r#"{"\u0000": 1}"#,
        "1e999",
        "-1e999",
        &deep,
    ] {
        let body = world.in_app().to_string();
        let body = body.replace(r#""Your order has shipped!""#, value);
        let answer = api.client().post_raw(JSON, body).await;
        assert_eq!(answer.status, 400, "{value}: {}", answer.text);
        answer.assert_error_shape();
    }
}

#[tokio::test]
async fn an_invalid_idempotency_key_is_refused() {
    let (world, api) = World::shared().await;
    for key in ["", "\"\"", "two words", &"k".repeat(256)] {
        let answer = api.client().post_with_key(&world.in_app(), key).await;
        answer.assert_error(400, "invalid_idempotency_key");
    }
    let longest = format!("\"{:k<255}\"", world.user.to_string());
    let _ = api
        .client()
        .post_with_key(&world.in_app(), &longest)
        .await
        .accepted();
    let request = api.client().request(Method::POST, "/api/notifications");
    let twice = request
        .header("Idempotency-Key", "a")
        .header("Idempotency-Key", "b");
    let answer = api.client().send(twice.json(&world.in_app())).await;
    answer.assert_error(400, "invalid_idempotency_key");
}

#[tokio::test]
async fn only_json_is_accepted() {
    let (world, api) = World::shared().await;
    let body = world.in_app().to_string();
    for wrong in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/xml",
        "nonsense",
    ] {
        let answer = api.client().post_raw(wrong, body.clone()).await;
        answer.assert_error(415, "unsupported_media_type");
    }
    let request = api.client().request(Method::POST, "/api/notifications");
    let answer = api.client().send(request.body(body.clone())).await;
    answer.assert_error(415, "unsupported_media_type");
    let answer = api
        .client()
        .post_raw("application/json; charset=utf-8", body)
        .await;
    let _ = answer.accepted();
}

#[tokio::test]
async fn the_body_size_limit_is_exact() {
    let world = World::with(&[("MAX_BODY_BYTES", "2000")]).await;
    let api = world.api().await;
    let sized = |size: usize| {
        let mut body = world.in_app();
        body["payload"]["title"] = json!("");
        let room = size - body.to_string().len();
        body["payload"]["title"] = json!("x".repeat(room));
        body.to_string()
    };
    let _ = api.client().post_raw(JSON, sized(2000)).await.accepted();
    for size in [2001, 100_000] {
        let answer = api.client().post_raw(JSON, sized(size)).await;
        answer.assert_error(413, "payload_too_large");
    }
}
